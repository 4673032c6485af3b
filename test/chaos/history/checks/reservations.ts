import type { ClassPolicy, Policy } from '../../../../capacity/policy/policy.ts';
import { found, type Violation } from '../../violation.ts';
import type { Admission, History } from '../history.ts';
import { type Ledger, openLedgerOf } from '../holding.ts';

/**
 * I3: no admission takes a line that a reservation needs.
 *
 * Conservative: it speaks up only where one count is the whole proof. So it looks at reservations that can be kept in one subscription alone (every
 * project of the class lies there, or the slots are reserved there by name) and that nothing else could have stopped: neither channels of a carrier nor
 * a limit of direction or pool. When fewer lines are left there than such reservations still want, then the line that was taken was one of theirs.
 * Admissions that may use a reservation of their own class, and probes above the ceiling, are left out.
 */
export function checkReservations(history: History): readonly Violation[] {
  const ledger = openLedgerOf(history);
  const taken = ledger.admissions.filter((admission) => {
    const policy = history.policies.get(admission.policyVersion);
    if (policy === undefined || admission.direction !== 'Outbound' || admission.probe || mayUseItsOwn(policy, ledger, admission))
      return false;
    const left = Math.max(0, admission.ceiling - admission.inUse);
    return left < wantedThere(policy, ledger, admission);
  });
  return found(
    'I3',
    'lines taken that a reservation needed',
    taken.map(({ id }) => id),
  );
}

function mayUseItsOwn(policy: Policy, ledger: Ledger, admission: Admission): boolean {
  const own = policy.classes.find(({ name }) => name === admission.class);
  const reserved = own?.reservedAt === undefined ? (own?.reserved ?? 0) : Math.max(0, ...own.reservedAt.values());
  if (reserved === 0) return false;
  // What cools fulfils no reservation, so only calls that certainly live use it up.
  const live = ledger.recountSlots(
    admission,
    ({ class: name, endedAtMs }) => name === admission.class && (endedAtMs ?? Number.POSITIVE_INFINITY) > admission.admittedAtMs,
  );
  return live.floor <= reserved;
}

/** Slots reserved in the admission's subscription, and there only, that certainly had nobody in them. */
function wantedThere(policy: Policy, ledger: Ledger, admission: Admission): number {
  const wishes = policy.classes.flatMap((declared): Wish[] => {
    const reserved = reservedOnlyAt(policy, declared, admission.subscription);
    if (reserved === 0 || declared.name === admission.class) return [];
    const elsewhereToo = declared.reservedAt !== undefined;
    const { roof } = ledger.recountSlots(
      admission,
      ({ class: name, subscription }) => name === declared.name && (!elsewhereToo || subscription === admission.subscription),
    );
    return [{ class: declared, slots: Math.max(0, reserved - roof) }];
  });
  return wishes.filter((wish) => nothingElseStops(policy, ledger, admission, wish, wishes)).reduce((sum, { slots }) => sum + slots, 0);
}

type Wish = { readonly class: ClassPolicy; readonly slots: number };

function homesOf({ eligible }: ClassPolicy): ReadonlySet<string> {
  return new Set([...eligible.Inbound, ...eligible.Outbound]);
}

function reservedOnlyAt(policy: Policy, declared: ClassPolicy, subscription: string): number {
  if (declared.reservedAt !== undefined)
    return [...declared.reservedAt].filter(([name]) => name === subscription).reduce((sum, [, slots]) => sum + slots, 0);
  const homes = homesOf(declared);
  const there = policy.projects.filter(({ name }) => homes.has(name));
  return there.length > 0 && there.every((project) => project.subscription === subscription) ? declared.reserved : 0;
}

/** Whether all that is wished for would fit beside what may be in use of every other limit. */
function nothingElseStops(policy: Policy, ledger: Ledger, admission: Admission, wish: Wish, wishes: readonly Wish[]): boolean {
  const slots = wishes.reduce((sum, one) => sum + one.slots, 0);
  const { class: declared } = wish;
  const homes = homesOf(declared);
  const channels = policy.upstreams.every(({ name, concurrencyLimit, unitsPerSession }) => {
    const through = new Set<string>(policy.projects.filter(({ upstreams }) => upstreams.includes(name)).map((project) => project.name));
    if (concurrencyLimit === undefined || [...homes].every((home) => !through.has(home))) return true;
    return (ledger.recountLines(admission, ({ project }) => through.has(project)).roof + slots) * unitsPerSession <= concurrencyLimit;
  });
  const directions = (['Inbound', 'Outbound'] as const).every((direction) => {
    const limit = policy.directionLimits[direction];
    if (limit === undefined || (declared.direction !== 'Any' && declared.direction !== direction)) return true;
    return ledger.recountSlots(admission, (attempt) => attempt.direction === direction).roof + slots <= limit;
  });
  const pool = policy.maxConcurrentSessions;
  return channels && directions && (pool === undefined || ledger.recountSlots(admission, () => true).roof + slots <= pool);
}
