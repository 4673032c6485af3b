import { setTimeout as pause } from 'node:timers/promises';

/** What happened when, and what was wanted of it. */
export type Entry = {
  readonly atSeconds: number;
  readonly what: string;
  /** Seconds that it took, and at most should. */
  readonly tookSeconds?: number;
  readonly withinSeconds?: number;
};

/** Something did not come, or took too long. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

export type Timeline = {
  readonly entries: readonly Entry[];
  readonly note: (what: string) => void;
  /** Does something and waits for what is to follow; asks for that again and again. @throws StepFailed when it does not come in time */
  readonly expect: (what: string, withinSeconds: number, ask: () => Promise<boolean>) => Promise<void>;
  /** Something that was measured otherwise. @throws StepFailed when it took too long */
  readonly measured: (what: string, tookSeconds: number, withinSeconds: number) => void;
};

const askEveryMs = 250;

export function openTimeline(say: (line: string) => void): Timeline {
  const entries: Entry[] = [];
  const startedMs = performance.now();
  const add = (entry: Omit<Entry, 'atSeconds'>) => {
    const made = { atSeconds: (performance.now() - startedMs) / 1_000, ...entry };
    entries.push(made);
    say(lineOf(made));
  };
  const measured = (what: string, tookSeconds: number, withinSeconds: number) => {
    add({ what, tookSeconds, withinSeconds });
    if (tookSeconds > withinSeconds) throw new StepFailed(`${what}: ${tookSeconds.toFixed(1)} s, and ${withinSeconds} s is the most`);
  };
  return {
    entries,
    note: (what) => add({ what }),
    measured,
    expect: async (what, withinSeconds, ask) => {
      const sinceMs = performance.now();
      const took = () => (performance.now() - sinceMs) / 1_000;
      let last: unknown;
      for (;;) {
        try {
          if (await ask()) break;
          last = undefined;
        } catch (error) {
          last = error; // the API server may be away for a while; what does not come in time fails below
        }
        if (took() > withinSeconds) throw new StepFailed(`not within ${withinSeconds} s: ${what}`, { cause: last });
        await pause(askEveryMs);
      }
      measured(what, took(), withinSeconds);
    },
  };
}

function lineOf({ atSeconds, what, tookSeconds, withinSeconds }: Entry): string {
  const took =
    tookSeconds === undefined ? '' : `  ${tookSeconds.toFixed(1)} s${withinSeconds === undefined ? '' : ` (≤ ${withinSeconds})`}`;
  return `${atSeconds.toFixed(1).padStart(7)} s  ${what}${took}`;
}
