import type { Policy } from '../policy/policy.ts';
import type { ClassView, PoolView } from '../view.ts';
import type { Reading, Signals } from './signals.ts';

/** What the dispatcher's newest view says about a pool's load, and how old it is. `missing`: no dispatcher has published one, or the ledger is away. */
export type SeenLoad =
  | {
      readonly view: Pick<PoolView, 'slots' | 'classes'>;
      readonly ageMs: number;
      /** Queued sessions of each class whose time has come. A view counts those of tomorrow too. */
      readonly due: ReadonlyMap<string, number>;
    }
  | 'missing';

type Load = Pick<Signals, 'slotsInUse' | 'ceiling' | 'backlog' | 'oldestWaitMs'>;

export function loadOf(seen: SeenLoad, policy: Pick<Policy, 'subscriptions'>, drainBacklogWithinMs: number): Load {
  if (seen === 'missing') return { slotsInUse: 'missing', ceiling: 'missing', backlog: 'missing', oldestWaitMs: 'missing' };
  const { view, ageMs, due } = seen;
  const reading = (value: number): Reading => ({ value, ageMs });
  const startable = view.classes.filter(waitsForSlots);
  const dueOf = (classes: readonly ClassView[]): number => classes.reduce((sum, { name }) => sum + (due.get(name) ?? 0), 0);
  const paced = Math.floor((callsPerSecond(policy) * drainBacklogWithinMs) / 1_000);
  const outbound = Math.min(paced, dueOf(startable.filter(({ direction }) => direction === 'Outbound')));
  return {
    slotsInUse: reading(view.slots.inUse),
    ceiling: reading(view.slots.ceiling),
    backlog: reading(outbound + dueOf(startable.filter(({ direction }) => direction !== 'Outbound'))),
    oldestWaitMs: reading(Math.max(0, ...startable.map(({ oldestWaitMs }) => oldestWaitMs ?? 0))),
  };
}

/**
 * Whether nothing but the lines of the pool, its budget or its rate keeps the first one waiting. What is held, broken, bounded by its class or kept for
 * others starts no sooner with more workers.
 */
function waitsForSlots({ blocked }: ClassView): boolean {
  return blocked === null || blocked.by === 'pool' || blocked.by === 'subscription' || blocked.by === 'rate';
}

/** Creations that all subscriptions take together; unbounded as soon as one of them is. */
function callsPerSecond({ subscriptions }: Pick<Policy, 'subscriptions'>): number {
  return subscriptions.reduce((sum, subscription) => sum + (subscription.callsPerSecond ?? Number.POSITIVE_INFINITY), 0);
}
