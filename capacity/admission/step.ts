import type { SubscriptionName } from '../../crds/values.ts';
import { planOf, wantedBy } from '../reservations/withholding.ts';
import { Queue } from './lanes.ts';
import { beginStep, place, type Step } from './place.ts';
import { charge, giveBack, slotOf } from './room.ts';
import type { Admitted, Refused, SlotCount, Snapshot, StepDecision, Waiting } from './snapshot.ts';

/**
 * Decides which of the waiting sessions start now, and where.
 *
 * The next session is always the first of the highest priority that still can be placed, so none is admitted to a slot that a session of higher
 * priority could have taken in the same step, and one that cannot be placed holds up nobody (I10). Every refusal says which limit it was.
 *
 * With a ceiling of 10, `vip` reserved 3 and none active, seven `campaign` sessions are admitted; the eighth is refused by `reservation`.
 */
export function decideStep(snapshot: Snapshot, waiting: readonly Waiting[]): StepDecision {
  const step = beginStep(snapshot);
  const queue = new Queue(waiting, snapshot.policy.classes, snapshot.slotSeconds, snapshot.nowMs);
  const admitted: Admitted[] = [];
  for (let lane = queue.first(); lane !== undefined; lane = queue.first()) {
    const session = lane.sessions[lane.next];
    if (session === undefined) break;
    const placement = place(step, lane, session);
    if (!placement.placed) {
      lane.blocked = placement.why;
      continue;
    }
    queue.admit(lane);
    admitted.push({ session: session.id, class: lane.class, project: placement.project, probe: false });
    if (placement.released) queue.reconsider();
  }
  for (const subscription of snapshot.probes ?? []) admitted.push(...probe(step, queue, subscription));
  return { admitted, refused: refusals(queue), plan: planOf(step.withholding), rates: step.rates, nextRateAtMs: nextRateAt(queue) };
}

/**
 * Lets one session go a slot above the subscription's ceiling, to find out whether foreign calls have left: of the lowest class waiting, because it
 * may be refused there. What is withheld stays withheld, so a probe takes nothing from a reservation that counts on the ceiling.
 */
function probe(step: Step, queue: Queue, subscription: SubscriptionName): readonly Admitted[] {
  const budget = step.room.subscriptions.get(subscription);
  if (budget === undefined || !step.snapshot.ceilings.has(subscription) || budget.used > budget.limit) return [];
  // Below the ceiling a probe would take a line that a reservation is short of: wait, if sessions beyond reservations will leave one by themselves.
  const short = step.withholding.placed < wantedBy(step.withholding);
  if (short && budget.used < budget.limit && goesBeyondReservations(step.snapshot, subscription)) return [];
  const lent = [slotOf(budget)];
  giveBack(lent);
  for (const lane of queue.left().toReversed()) {
    const session = lane.sessions[lane.next];
    if (session === undefined || session.holdsLine) continue;
    const placement = place(step, lane, session, subscription);
    if (!placement.placed) continue;
    queue.admit(lane);
    return [{ session: session.id, class: lane.class, project: placement.project, probe: true }];
  }
  charge(lent);
  return [];
}

/** Whether some class uses more of the subscription than it reserves. With a probe under way one does, so there is one such probe at a time. */
function goesBeyondReservations({ policy, inUse }: Snapshot, subscription: SubscriptionName): boolean {
  const present = new Map(policy.projects.map((project) => [project.name, project.subscription]));
  const isThere = (count: SlotCount) => (count.subscription ?? present.get(count.project)) === subscription;
  return policy.classes.some(({ name, reserved, reservedAt }) => {
    const used = inUse.reduce((sum, count) => sum + (count.class === name && isThere(count) ? count.slots : 0), 0);
    return used > (reservedAt === undefined ? reserved : (reservedAt.get(subscription) ?? 0));
  });
}

function refusals(queue: Queue): readonly Refused[] {
  return queue.left().flatMap((lane) => {
    const why = lane.blocked;
    return why === undefined ? [] : lane.sessions.slice(lane.next).map((session) => ({ session: session.id, class: lane.class, why }));
  });
}

function nextRateAt(queue: Queue): number | undefined {
  const instants = queue.left().flatMap(({ blocked }) => (blocked?.by === 'rate' ? [blocked.retryAtMs] : []));
  return instants.length === 0 ? undefined : Math.min(...instants);
}
