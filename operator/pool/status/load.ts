import { describeGuard } from '../../../capacity/explain/explain.ts';
import { limitedBy } from '../../../capacity/scaling/decision.ts';
import { describeDecision } from '../../../capacity/scaling/explain.ts';
import type { FleetView } from '../../../capacity/scaling/fleet.ts';
import type { Finding } from '../../runtime/conditions.ts';
import type { Compiled } from '../declared.ts';
import type { ObservedPool } from '../observed.ts';

/** What the pool's lines and its load are like. None of it makes the pool less ready. */
export function findLoad(compiled: Compiled, view: FleetView | undefined, observed: ObservedPool): readonly Finding[] {
  return [
    capacityKnown(compiled, view, observed),
    webhooksReachable(compiled),
    ...inboundUnguarded(compiled),
    ...scalingLimited(observed),
    ...(view === undefined ? [] : [saturated(view), breakerOpen(view), ...reservationAtRisk(view)]),
  ];
}

function capacityKnown({ spec }: Compiled, view: FleetView | undefined, { ledger }: ObservedPool): Finding {
  const type = 'CapacityKnown';
  if (view === undefined) {
    return { type, status: 'Unknown', reason: 'NoDispatcher', message: 'Nobody dispatches, so nobody counts lines.' };
  }
  if (view.guard !== undefined) return { type, status: 'False', reason: 'Guarded', message: describeGuard(view.guard) };
  const unnamed = spec.subscriptions.filter(({ accountId }) => accountId === undefined).map(({ name }) => name);
  if (unnamed.length > 0 && ledger.kind === 'read' && (ledger.room?.pools ?? 0) > 1) {
    const message =
      `The ledger holds several pools, and ${unnamed.map((name) => `spec.subscriptions[${name}]`).join(', ')} names no accountId: ` +
      'nothing keeps two pools from counting the same lines twice. Name the account.';
    return { type, status: 'Unknown', reason: 'AccountUnverified', message };
  }
  const { ceiling, limit } = view.slots;
  return { type, status: 'True', reason: 'Counted', message: `${ceiling} slots are usable now, of a limit of ${limit}.` };
}

function webhooksReachable({ spec }: Compiled): Finding {
  const type = 'WebhooksReachable';
  return spec.publicUrl === undefined
    ? {
        type,
        status: 'False',
        reason: 'NoPublicUrl',
        message:
          'The provider cannot reach the workers, which ask it about calls instead: set spec.publicUrl, and route it to the Service.',
      }
    : { type, status: 'Unknown', reason: 'NotVerified', message: 'spec.publicUrl is set; whether the provider reaches it is not tried.' };
}

/** Calls that arrive at the provider take lines whether we know or not. */
function inboundUnguarded({ spec, inbound }: Compiled): readonly Finding[] {
  if (inbound.length === 0) return [];
  const type = 'InboundUnguarded';
  return spec.publicUrl === undefined
    ? [
        {
          type,
          status: 'True',
          reason: 'NoPublicUrl',
          message: `Callers of ${inbound.join(', ')} are seen and not admitted, as the provider cannot ask the workers: set spec.publicUrl.`,
        },
      ]
    : [{ type, status: 'False', reason: 'Admitted', message: 'The provider asks the workers before it answers a caller.' }];
}

function scalingLimited({ lastDecision }: ObservedPool): readonly Finding[] {
  if (lastDecision === undefined) return [];
  const limit = limitedBy(lastDecision.decision);
  const message = describeDecision(lastDecision.decision);
  return [
    limit === undefined
      ? { type: 'ScalingLimited', status: 'False', reason: 'NotLimited', message }
      : { type: 'ScalingLimited', status: 'True', reason: limit.by, message },
  ];
}

function saturated({ slots: { inUse, ceiling }, classes }: FleetView): Finding {
  const type = 'Saturated';
  const waiting = classes.reduce((sum, { queued }) => sum + queued, 0);
  return inUse >= ceiling && waiting > 0
    ? { type, status: 'True', reason: 'AllSlotsInUse', message: `All ${ceiling} slots are in use, and ${waiting} sessions wait.` }
    : { type, status: 'False', reason: 'SlotsFree', message: `${inUse} of ${ceiling} slots are in use.` };
}

function breakerOpen({ projects }: FleetView): Finding {
  const type = 'BreakerOpen';
  const paused = projects.flatMap(({ name, paused: why }) => (why === null ? [] : [`${name}: ${why}`]));
  return paused.length === 0
    ? { type, status: 'False', reason: 'AllInUse', message: 'Every project is in use.' }
    : { type, status: 'True', reason: 'ProjectPaused', message: `Nothing is placed on these projects: ${paused.join('; ')}.` };
}

function reservationAtRisk({ classes, slots: { ceiling } }: FleetView): readonly Finding[] {
  const type = 'ReservationAtRisk';
  const reserved = classes.reduce((sum, one) => sum + one.reserved, 0);
  if (reserved === 0) return [];
  return reserved > ceiling
    ? [
        {
          type,
          status: 'True',
          reason: 'CeilingBelowReserved',
          message: `${reserved} slots are reserved and ${ceiling} are usable now: only sessions that do not enlarge the shortfall are admitted.`,
        },
      ]
    : [{ type, status: 'False', reason: 'Kept', message: `The ${reserved} reserved slots are within the ${ceiling} usable ones.` }];
}
