import type { ClassPolicy, Policy } from '../../../../capacity/policy/policy.ts';
import { found, type Violation } from '../../violation.ts';
import { type Admission, type AttemptFact, groupBy, type History, type SessionFact } from '../history.ts';
import { type Ledger, openLedgerOf } from '../holding.ts';
import { heardWithinMs } from '../tolerances.ts';

/**
 * I10: nobody is admitted to a slot that a waiting session of higher priority could have taken in the same step.
 *
 * Conservative: it speaks up only when that session certainly could. So it looks at outbound sessions alone that were never put aside (no `not_before`:
 * not parked for a busy number, not waiting for a redial), that stood first in their lane, for a class that may run where the admitted one runs, below
 * its limit and not held; and only at admissions that were no probe and used no reservation of their class. Taking the very same line, such a session
 * would have passed the same ceiling, channels, rates and reservations.
 */
export function checkPriority(history: History): readonly Violation[] {
  const ledger = openLedgerOf(history);
  const waits = waitsByClass(history);
  const passed = ledger.admissions.flatMap((admission) => {
    const policy = history.policies.get(admission.policyVersion);
    const admittedClass = policy?.classes.find(({ name }) => name === admission.class);
    if (policy === undefined || admittedClass === undefined || !judgeable(admission, admittedClass)) return [];
    return policy.classes
      .filter((higher) => higher.priority > admittedClass.priority && !history.heldClasses.has(higher.name))
      .flatMap((higher) => passedOver(admission, higher, { ledger, policy, waits: waits.get(higher.name) ?? [] }));
  });
  return found('I10', 'admitted before a session of higher priority that could have had the slot', passed);
}

/** A time in which a session waited: it may have been ready from `fromMs` on, and if `sure` it was. */
type Wait = { readonly session: SessionFact; readonly fromMs: number; readonly toMs: number; readonly sure: boolean };

function judgeable(admission: Admission, { reserved, reservedAt }: ClassPolicy): boolean {
  return admission.direction === 'Outbound' && !admission.probe && reserved === 0 && reservedAt === undefined;
}

function passedOver(
  admission: Admission,
  higher: ClassPolicy,
  at: { readonly ledger: Ledger; readonly policy: Policy; readonly waits: readonly Wait[] },
): readonly string[] {
  const mayRunThere = higher.eligible.Outbound.some((project) => project === admission.project);
  if (!mayRunThere || at.policy.mode !== 'Active') return [];
  const [first] = at.waits
    .filter((wait) => wait.fromMs <= admission.admittedAtMs && wait.toMs > admission.admittedAtMs && fits(wait.session, admission))
    .sort((a, b) => b.session.score - a.session.score || a.session.seq - b.session.seq);
  if (first === undefined || !first.sure || first.fromMs > admission.admittedAtMs - heardWithinMs) return [];
  const expiresAtMs = first.session.expiresAtMs ?? Number.POSITIVE_INFINITY;
  if (expiresAtMs < admission.admittedAtMs) return [];
  const { roof } = at.ledger.recountSlots(admission, (attempt) => attempt.class === higher.name);
  if (higher.limit !== undefined && roof >= higher.limit) return [];
  return [`${admission.id} before ${first.session.id}`];
}

function fits({ project }: SessionFact, admission: Admission): boolean {
  return project === null || project === admission.project;
}

function waitsByClass({ sessions, attempts }: History): ReadonlyMap<string, readonly Wait[]> {
  const bySession = groupBy(attempts, ({ sessionId }) => sessionId);
  const byNumber = groupBy(sessions, ({ number }) => number);
  const waits = sessions
    .filter(({ direction }) => direction === 'Outbound')
    .flatMap((session) => waitsOf(session, bySession.get(session.id) ?? [], (byNumber.get(session.number ?? '') ?? []).length === 1));
  return groupBy(waits, ({ session }) => session.class);
}

/** From its arrival, and from the end of each attempt, to the next admission or its end. Sure only if it was never put aside. */
function waitsOf(session: SessionFact, attempts: readonly AttemptFact[], numberIsItsOwn: boolean): readonly Wait[] {
  const sure = session.notBeforeMs === null && session.cancelledAtMs === null && numberIsItsOwn;
  const waits: Wait[] = [];
  let fromMs = session.createdAtMs;
  for (const attempt of attempts.toSorted((a, b) => (a.admittedAtMs ?? 0) - (b.admittedAtMs ?? 0))) {
    waits.push({ session, fromMs, toMs: attempt.admittedAtMs ?? fromMs, sure });
    fromMs = attempt.releasedAtMs ?? Number.POSITIVE_INFINITY;
  }
  waits.push({ session, fromMs, toMs: session.endedAtMs ?? Number.POSITIVE_INFINITY, sure });
  return waits.filter((wait) => wait.fromMs < wait.toMs);
}
