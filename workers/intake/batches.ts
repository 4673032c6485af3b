const batchSize = 1_000;
/** A batch does not wait longer than this for more, when the source is slow. */
const lingerMs = 100;
/** Nor does it grow beyond this: parsed, a line of nothing but brackets takes forty times its bytes. */
const batchBytes = 1_048_576;

/** Gathers what a source gives, piece by piece, into batches of about a thousand; the rest of a piece that was large opens the next batch. */
export async function* inBatches<T extends { readonly bytes: number }>(source: AsyncIterable<readonly T[]>): AsyncGenerator<readonly T[]> {
  const pieces = source[Symbol.asyncIterator]();
  let gathered: T[] = [];
  let next = pieces.next();
  try {
    for (;;) {
      const piece = gathered.length === 0 ? await next : await orLate(next);
      if (piece === 'late') {
        yield gathered;
        gathered = [];
        continue;
      }
      if (piece.done === true) break;
      gathered.push(...piece.value);
      while (gathered.length >= batchSize) yield gathered.splice(0, batchSize);
      if (bytesOf(gathered) >= batchBytes) yield gathered.splice(0);
      next = pieces.next();
    }
    if (gathered.length > 0) yield gathered;
  } finally {
    // A piece that was asked for may still be coming; who ended this early does not wait for it.
    next.catch(() => undefined);
    void pieces.return?.();
  }
}

function bytesOf(lines: readonly { readonly bytes: number }[]): number {
  return lines.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function orLate<T>(next: Promise<T>): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), lingerMs);
  });
  try {
    return await Promise.race([next, late]);
  } finally {
    clearTimeout(timer);
  }
}
