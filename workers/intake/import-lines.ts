import { StringDecoder } from 'node:string_decoder';
import type { ProblemKind } from './problem.ts';
import { maxSessionBytes } from './session-request.ts';

/** Why a line is not even looked at. */
export type UnreadableKind = Extract<ProblemKind, 'malformed-body' | 'body-too-large'>;

/** One line of an import: what it says, or why it cannot be read. Lines are numbered from 1; `bytes` is about what it takes to keep one. */
export type ImportLine = { readonly line: number; readonly bytes: number } & (
  | { readonly value: unknown }
  | { readonly kind: UnreadableKind; readonly detail: string }
);

/** Splits NDJSON as it arrives; of a line that is too long, only its number is kept. Empty lines are skipped, but counted. */
export async function* ndjsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly ImportLine[]> {
  const decoder = new StringDecoder('utf8');
  let line = 0;
  let rest = '';
  let overflowed = false;
  const take = (text: string): ImportLine | undefined => {
    line += 1;
    if (overflowed || (text.length > maxSessionBytes / 4 && Buffer.byteLength(text) > maxSessionBytes)) {
      overflowed = false;
      return { line, bytes: 0, kind: 'body-too-large', detail: `a line may have ${maxSessionBytes} bytes at most` };
    }
    return text.trim() === '' ? undefined : parseLine(line, text);
  };
  for await (const chunk of chunks) {
    const pieces = (rest + decoder.write(chunk)).split('\n');
    rest = pieces.pop() ?? '';
    const lines = pieces.map(take).filter((one) => one !== undefined);
    if (rest.length > maxSessionBytes) {
      overflowed = true;
      rest = '';
    }
    if (lines.length > 0) yield lines;
  }
  const last = overflowed || rest !== '' ? take(rest + decoder.end()) : undefined;
  if (last !== undefined) yield [last];
}

function parseLine(line: number, text: string): ImportLine {
  try {
    return { line, bytes: text.length, value: JSON.parse(text) };
  } catch (error) {
    if (error instanceof SyntaxError) return { line, bytes: 0, kind: 'malformed-body', detail: 'the line is not JSON' };
    throw error;
  }
}
