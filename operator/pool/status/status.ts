import { lastDecisionOf } from '../../../capacity/scaling/explain.ts';
import type { PoolStatus } from '../../../crds/status.ts';
import { className } from '../../../crds/values.ts';
import { transition } from '../../runtime/conditions.ts';
import type { ObservedPool } from '../observed.ts';
import { acceptance } from './acceptance.ts';
import { appliedGeneration, figuresOf, freshView } from './figures.ts';
import { findLoad } from './load.ts';
import { readiness } from './readiness.ts';
import { findWorkers, workersAvailable } from './workers.ts';

/** The status of a pool, made of everything that is known of it now. What is not known is left out, and no older figure stands in for it. */
export function planStatus(observed: ObservedPool): PoolStatus {
  const { object, deployment, ledger, lastDecision } = observed;
  const view = freshView(ledger);
  const accepted = acceptance(observed);
  const available = workersAvailable(observed);
  const found = [
    accepted,
    available,
    readiness(observed, accepted, available),
    ...findWorkers(observed),
    ...(object.declared.accepted ? findLoad(object.declared, view, observed) : []),
  ];
  const applied = appliedGeneration(ledger);
  // The first one stays: by it another database at the same address is told.
  const ledgerId = object.status?.ledgerId ?? (ledger.kind === 'read' ? ledger.standing.ledgerId : undefined);
  return {
    observedGeneration: object.generation,
    ...(applied === undefined ? {} : { policy: { appliedGeneration: applied } }),
    ...(ledgerId === undefined ? {} : { ledgerId }),
    conditions: [...transition(object.status?.conditions ?? [], found, { generation: object.generation, wallMs: observed.wallMs })],
    ...(deployment === undefined ? {} : { replicas: deployment.replicas, readyReplicas: deployment.ready }),
    ...(view === undefined ? {} : figuresOf(view)),
    ...(lastDecision === undefined ? {} : { lastDecision: lastDecisionOf(lastDecision.decision, lastDecision.atMs) }),
    ...overridesOf(ledger),
  };
}

/** As many as the schema takes. */
const maxOverrides = 16;

function overridesOf(ledger: ObservedPool['ledger']): Pick<PoolStatus, 'overrides'> {
  if (ledger.kind !== 'read' || ledger.standing.holds.length === 0) return {};
  return {
    overrides: ledger.standing.holds.slice(0, maxOverrides).map(({ class: of, untilMs }) => ({
      kind: 'Hold',
      ...(of === undefined ? {} : { class: className.parse(of) }),
      ...(untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() }),
    })),
  };
}
