/**
 * Who takes part: something that runs queued jobs over a number of lines. Every job holds a line for a while, which is all that it does.
 */
export type Contestant = {
  readonly name: string;
  /** What it is, and how it is set up. */
  readonly description: string;
  readonly processes: 1 | 2;
  /** Time that it needs before it runs as it will run. */
  readonly warmUpMs: number;
  /** Sets up an empty database and queues so many jobs. */
  prepare(database: Prepared, jobs: number): Promise<void>;
  /** Runs jobs in this process until it is stopped. Resolves when it has begun. */
  work(job: Work): Promise<Stop>;
};

export type Prepared = { readonly url: string; readonly lines: number };

export type Work = Prepared & {
  /** Of how many processes this is which. */
  readonly index: number;
  /** Takes a line, holds it and gives it back: the whole job. The neutral counter hears of both ends. */
  readonly hold: () => Promise<void>;
};

/** Takes no further job. Those under way may be left: the process ends. */
export type Stop = () => Promise<void>;
