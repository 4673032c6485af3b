/** What happened in a run and when: told line by line while it goes on, and the same again as data at its end. */

export type Verdict = 'kept' | 'broken' | 'told' | 'skipped';

/** `figure` is what was measured. With a goal it is a promise, without one it is told. */
export type Entry = {
  readonly atSeconds: number;
  readonly what: string;
  readonly verdict: Verdict;
  readonly figure?: Figure;
  readonly detail?: string;
};

export type Figure = { readonly value: number; readonly unit: string; readonly goal?: Goal };
export type Goal = { readonly atLeast: number } | { readonly atMost: number };

export class Timeline {
  readonly #nowMs: () => number;
  readonly #say: (line: string) => void;
  readonly #beganMs: number;
  readonly #entries: Entry[] = [];

  constructor(nowMs: () => number, say: (line: string) => void) {
    this.#nowMs = nowMs;
    this.#say = say;
    this.#beganMs = nowMs();
  }

  /** Something that was done, or that is worth knowing. */
  tell(what: string, detail?: string): void {
    this.#add({ what, verdict: 'told', ...(detail === undefined ? {} : { detail }) });
  }

  /** What this cluster offers no way for. */
  skip(what: string, why: string): void {
    this.#add({ what, verdict: 'skipped', detail: why });
  }

  measure(what: string, figure: Figure): void {
    this.#add({ what, figure, verdict: judged(figure) });
  }

  /** A promise that holds when nothing speaks against it. */
  expectNone(what: string, broken: readonly string[]): void {
    if (broken.length === 0) this.#add({ what, verdict: 'kept' });
    else this.#add({ what, verdict: 'broken', detail: shortened(broken) });
  }

  entries(): readonly Entry[] {
    return this.#entries;
  }

  isKept(): boolean {
    return this.#entries.every(({ verdict }) => verdict !== 'broken');
  }

  /** What nobody knows anything about after this run. */
  skipped(): readonly string[] {
    return this.#entries.filter(({ verdict }) => verdict === 'skipped').map(({ what, detail }) => `${what} (${detail})`);
  }

  #add(entry: Omit<Entry, 'atSeconds'>): void {
    const told = { ...entry, atSeconds: rounded((this.#nowMs() - this.#beganMs) / 1_000) };
    this.#entries.push(told);
    this.#say(lineOf(told));
  }
}

const signs: Readonly<Record<Verdict, string>> = { kept: '✓', broken: '✗', told: '·', skipped: '–' };

export function lineOf({ atSeconds, what, verdict, figure, detail }: Entry): string {
  const measured =
    figure === undefined ? '' : `: ${figure.value} ${figure.unit}${figure.goal === undefined ? '' : ` (${told(figure.goal)})`}`;
  const skipped = verdict === 'skipped' ? ' SKIPPED' : '';
  return `${atSeconds.toFixed(1).padStart(6)} s ${signs[verdict]}${skipped} ${what}${measured}${detail === undefined ? '' : `: ${detail}`}`;
}

function judged({ value, goal }: Figure): Verdict {
  if (goal === undefined) return 'told';
  return ('atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost) ? 'kept' : 'broken';
}

const told = (goal: Goal): string => ('atLeast' in goal ? `at least ${goal.atLeast}` : `at most ${goal.atMost}`);

/** Enough to see what is wrong, and not a screen of it. */
function shortened(broken: readonly string[]): string {
  const shown = broken.slice(0, 3).join('; ');
  return broken.length > 3 ? `${shown}; and ${broken.length - 3} more` : shown;
}

export const rounded = (value: number): number => Math.round(value * 10) / 10;
