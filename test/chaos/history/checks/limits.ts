import type { Policy } from '../../../../capacity/policy/policy.ts';
import { found, type Violation } from '../../violation.ts';
import { type Admission, admissionsOf, type History } from '../history.ts';
import { type Ledger, openLedgerOf } from '../holding.ts';

/** I1 as the decision itself says: the count and the ceiling that it used, against the policy version that it used. */
export function checkWrittenLimits(history: History): readonly Violation[] {
  return findingsIn(admissionsOf(history), (admission) => {
    const policy = history.policies.get(admission.policyVersion);
    return [...brokenAsWritten(admission), ...(policy === undefined ? [] : brokenCeiling(policy, admission))];
  });
}

/**
 * I1 and I2: at every admission, what is recounted against the ceiling and the policy version that the decision used, so a dispatcher that counts wrong
 * is caught even while it keeps what it believes to be the limit.
 */
export function checkRecounted(history: History): readonly Violation[] {
  const ledger = openLedgerOf(history);
  return findingsIn(ledger.admissions, (admission) => {
    const policy = history.policies.get(admission.policyVersion);
    if (policy === undefined) return brokenLines(ledger, admission);
    return [...brokenLines(ledger, admission), ...brokenUpstreams(policy, ledger, admission), ...brokenSlots(policy, ledger, admission)];
  });
}

type Broken = { readonly invariant: 'I1' | 'I2'; readonly what: string };

function findingsIn(admissions: readonly Admission[], brokenBy: (admission: Admission) => readonly Broken[]): readonly Violation[] {
  const findings = new Map<string, { readonly invariant: 'I1' | 'I2'; readonly ids: string[] }>();
  for (const admission of admissions) {
    for (const { invariant, what } of brokenBy(admission)) {
      const finding = findings.get(what) ?? { invariant, ids: [] };
      finding.ids.push(admission.id);
      findings.set(what, finding);
    }
  }
  return [...findings].flatMap(([what, { invariant, ids }]) => found(invariant, what, ids));
}

/** A probe goes one slot above the ceiling, and never more. */
const allowed = ({ ceiling, probe }: Admission): number => ceiling + (probe ? 1 : 0);

function brokenAsWritten(admission: Admission): readonly Broken[] {
  return admission.inUse > allowed(admission) ? [{ invariant: 'I1', what: 'admitted above the ceiling that was used' }] : [];
}

function brokenLines(ledger: Ledger, admission: Admission): readonly Broken[] {
  const { floor, roof } = ledger.recountLines(admission, ({ subscription }) => subscription === admission.subscription);
  const broken: Broken[] = [];
  if (floor > allowed(admission)) broken.push({ invariant: 'I1', what: 'slots recounted are above the ceiling that was used' });
  if (admission.inUse < floor) broken.push({ invariant: 'I1', what: 'fewer slots were counted than were held' });
  if (admission.inUse > roof) broken.push({ invariant: 'I1', what: 'more slots were counted than were held' });
  return broken;
}

function brokenCeiling(policy: Policy, { subscription, ceiling }: Admission): readonly Broken[] {
  const declared = policy.subscriptions.find(({ name }) => name === subscription);
  if (declared === undefined) return [{ invariant: 'I1', what: 'admitted to a subscription that the policy does not have' }];
  const most = declared.concurrencyLimit - declared.safetyMargin;
  return ceiling > Math.max(0, most)
    ? [{ invariant: 'I1', what: 'a ceiling was used that is above the declared limit less its margin' }]
    : [];
}

function brokenUpstreams(policy: Policy, ledger: Ledger, admission: Admission): readonly Broken[] {
  const taken = policy.projects.find(({ name }) => name === admission.project)?.upstreams ?? [];
  return policy.upstreams.flatMap((upstream) => {
    if (upstream.concurrencyLimit === undefined || !taken.includes(upstream.name)) return [];
    const through = new Set<string>(policy.projects.filter(({ upstreams }) => upstreams.includes(upstream.name)).map(({ name }) => name));
    const { floor } = ledger.recountLines(admission, ({ project }) => through.has(project));
    if (floor * upstream.unitsPerSession <= upstream.concurrencyLimit) return [];
    return [{ invariant: 'I1', what: `channels of upstream ${upstream.name} exceeded` }];
  });
}

function brokenSlots(policy: Policy, ledger: Ledger, admission: Admission): readonly Broken[] {
  const limits = [
    {
      limit: policy.classes.find(({ name }) => name === admission.class)?.limit,
      counts: (attempt: Admission) => attempt.class === admission.class,
      what: `limit of class ${admission.class} exceeded`,
    },
    {
      limit: policy.directionLimits[admission.direction],
      counts: (attempt: Admission) => attempt.direction === admission.direction,
      what: `limit of direction ${admission.direction} exceeded`,
    },
    { limit: policy.maxConcurrentSessions, counts: () => true, what: 'budget of the pool exceeded' },
  ];
  return limits.flatMap(({ limit, counts, what }) =>
    limit !== undefined && ledger.recountSlots(admission, counts).floor > limit ? [{ invariant: 'I2' as const, what }] : [],
  );
}
