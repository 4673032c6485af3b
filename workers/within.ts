/** The result, or `late` when it is not there in time or failed: to somebody who waits for an answer on the phone, both are the same. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  try {
    return await Promise.race([work.then((value): T | 'late' => value).catch((): 'late' => 'late'), late]);
  } finally {
    clearTimeout(timer);
  }
}
