import type { Cluster } from './cluster.ts';
import type { Killed } from './judge.ts';
import type { Timeline } from './timeline.ts';

/** What the steps of a run share. */
export type Run = {
  readonly cluster: Cluster;
  readonly timeline: Timeline;
  readonly image: string;
  /** A command that takes the API server away and has it started again; undefined when nobody says how this cluster does it. */
  readonly outage: string | undefined;
  /** Workers whose process was killed, and when. */
  readonly kills: Killed[];
  readonly now: () => number;
};
