import { type ResultsDeps, startResults } from './results.ts';

/** Delivers to the address that the policy names now, as long as it names one; `follow` is to be called regularly. */
export type FollowingResults = {
  follow(): void;
  /** Takes no more; resolves when what is under way is delivered or given back. */
  end(): Promise<void>;
};

export function followResults(spec: () => ResultsDeps['spec'] | undefined, deps: Omit<ResultsDeps, 'spec' | 'signal'>): FollowingResults {
  const endings = new Set<Promise<void>>();
  let key = 'null';
  let stop = new AbortController();

  function follow(): void {
    const declared = spec();
    const newest = JSON.stringify(declared ?? null);
    if (newest === key) return;
    key = newest;
    stop.abort();
    stop = new AbortController();
    if (declared === undefined) return;
    const { ended } = startResults({ ...deps, spec: declared, signal: stop.signal });
    const work = ended.finally(() => endings.delete(work));
    endings.add(work);
  }

  follow();
  return {
    follow,
    async end() {
      stop.abort();
      await Promise.all(endings);
    },
  };
}
