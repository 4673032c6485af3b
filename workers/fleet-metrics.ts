import { Gauge, type Registry } from 'prom-client';
import { limitedBy } from '../capacity/scaling/decision.ts';
import type { SeenDecision } from '../ledger/scaling/decisions.ts';

/** Gauges that mirror the newest decision on the number of workers, whoever took it: the same on every worker. */
export function fleetGauges(registry: Registry) {
  const registers = [registry];
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name, help, labelNames, registers });
  const gauges = {
    wanted: gauge('trunkline_workers_wanted', 'Workers that there should be.', []),
    workers: gauge('trunkline_workers', 'Workers that there were at the last decision, by state.', ['state']),
    decision: gauge(
      'trunkline_workers_decision',
      '1 for the reason of the last decision on the number of workers, and the limit that keeps it from more.',
      ['reason', 'limit'],
    ),
    changed: gauge('trunkline_workers_changed_seconds', 'How long ago number, reason or limit last changed.', []),
    age: gauge('trunkline_workers_decision_age_seconds', 'Age of that decision; beyond a minute or so nobody decides.', []),
  };
  return {
    /** Takes over the decision; without one everything is absent. */
    show(seen: SeenDecision | undefined): void {
      for (const one of Object.values(gauges)) one.reset();
      // Resetting a gauge without labels sets it to zero, and zero is something else than unknown.
      for (const one of [gauges.wanted, gauges.changed, gauges.age]) one.remove();
      if (seen === undefined) return;
      const { decision, ageMs, changedAgeMs } = seen;
      gauges.wanted.set(decision.replicas);
      for (const state of ['serving', 'starting', 'draining'] as const) gauges.workers.set({ state }, decision.workers[state]);
      gauges.decision.set({ reason: decision.reason.kind, limit: limitedBy(decision)?.by ?? '' }, 1);
      gauges.changed.set(changedAgeMs / 1_000);
      gauges.age.set(ageMs / 1_000);
    },
  };
}
