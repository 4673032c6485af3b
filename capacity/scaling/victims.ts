import type { Statefulness } from './policy.ts';

/** A worker that may be given up, as far as whoever gives it up knows it. */
export type Dispensable = {
  readonly name: string;
  readonly state: 'starting' | 'serving';
  /** What it holds in flight; undefined: not known. */
  readonly sessions: number | undefined;
  /** Whether it dispatches: another one has to take that over first. */
  readonly dispatching: boolean;
  readonly startedMs: number;
};

/**
 * Which workers leave: those first that nobody would miss. What has not begun to serve goes before what has, then what holds least, and of equals the
 * youngest, as the older ones have shown that they last. The dispatcher goes last: without it nothing is admitted for a moment. Behind a stateful handler
 * none goes that has a session, or of which that is not known: fewer leave than were asked for then.
 */
export function victimsOf(workers: readonly Dispensable[], howMany: number, handler: Statefulness): readonly string[] {
  return workers
    .filter((worker) => handler === 'stateless' || holdsNothing(worker))
    .toSorted(
      (one, other) =>
        Number(one.state === 'serving') - Number(other.state === 'serving') ||
        Number(one.dispatching) - Number(other.dispatching) ||
        (one.sessions ?? Number.POSITIVE_INFINITY) - (other.sessions ?? Number.POSITIVE_INFINITY) ||
        other.startedMs - one.startedMs ||
        one.name.localeCompare(other.name, 'en'),
    )
    .slice(0, Math.max(0, howMany))
    .map(({ name }) => name);
}

/** One that starts has said nothing yet and has nothing. One that has said that it has sessions has them, ready or not. */
function holdsNothing({ state, sessions }: Dispensable): boolean {
  return sessions === 0 || (sessions === undefined && state === 'starting');
}
