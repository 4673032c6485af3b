import type { ObservedPool } from './observed.ts';
import { freshView } from './status/figures.ts';
import { connectionsOf, unheardOf } from './status/workers.ts';

/** Everything that the status of a pool is made of, as far as it comes from the ledger and from time passing. */
export type Seen = Pick<ObservedPool, 'ledger' | 'refusal' | 'pods' | 'wallMs' | 'lastDecision'> & { readonly replicas: number };

/**
 * In short what the status of a pool would say: it is worth a look when this is different from before. Verdicts and not the figures that they rest on, where
 * these move by themselves (ages, connections, other pools): a pool at rest is not looked at. Pure.
 */
export function seenOf({ replicas, lastDecision, ledger, refusal, pods, wallMs }: Seen): string {
  const connections = connectionsOf({ ledger, lastDecision });
  return JSON.stringify([
    replicas,
    lastDecision?.atMs,
    ledger.kind === 'away' ? [ledger.kind, ledger.how] : ledger.kind,
    refusal,
    unheardOf(ledger, pods, wallMs).map(({ name }) => name),
    connections === undefined ? null : connections.needed <= connections.maxConnections,
    toldBy(ledger),
  ]);
}

function toldBy(ledger: ObservedPool['ledger']): unknown {
  if (ledger.kind !== 'read') return null;
  const { standing, room } = ledger;
  const view = freshView(ledger);
  return [
    standing.ledgerId,
    standing.newest?.version,
    standing.holds,
    standing.workers.map(({ name, state, appliedGeneration, troubles }) => [name, state, appliedGeneration, troubles]),
    view === undefined
      ? null
      : [view.policyVersion, view.slots, view.guard?.reason, view.classes.map(({ name, queued, inUse }) => [name, queued, inUse])],
    view === undefined
      ? null
      : [view.subscriptions.map(({ ceiling, inUse, foreign, learnedLimit }) => [ceiling, inUse, foreign, learnedLimit]), view.projects],
    room?.maxConnections,
    (room?.pools ?? 0) > 1,
  ];
}
