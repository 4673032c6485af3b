import type { Policy } from '../../../../capacity/policy/policy.ts';
import { found, type Violation } from '../../violation.ts';
import { type Admission, type AttemptFact, admissionsOf, type History } from '../history.ts';
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
    const lines = [...brokenLines(history, ledger, admission), ...brokenAccount(history, admission)];
    if (policy === undefined) return lines;
    return [...lines, ...brokenUpstreams(history, policy, ledger, admission), ...brokenSlots(policy, ledger, admission)];
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

/** The policy under which an attempt took its line. */
function begunUnder({ policies }: History, { policyVersion, enteredVersion }: AttemptFact): Policy | undefined {
  const version = enteredVersion ?? policyVersion;
  return version === null ? undefined : policies.get(version);
}

/**
 * The account that an attempt takes a line of: that of its project, whose key the call is made with, by the policy that it was begun under. Not what was
 * written of it. Undefined where none is declared.
 */
function accountOf(history: History, attempt: AttemptFact): string | undefined {
  const policy = begunUnder(history, attempt);
  const subscription = policy?.projects.find(({ name }) => name === attempt.project)?.subscription;
  return policy?.subscriptions.find(({ name }) => name === subscription)?.accountId;
}

/** What was written must name the account whose line was taken, as far as the policy of the decision has it. */
function brokenAccount(history: History, admission: Admission): readonly Broken[] {
  const account = accountOf(history, admission);
  const declared = history.policies.get(admission.policyVersion)?.subscriptions ?? [];
  if (account === undefined || !declared.some(({ accountId }) => accountId === account)) return [];
  const written = declared.find(({ name }) => name === admission.subscription)?.accountId;
  return written === account ? [] : [{ invariant: 'I1', what: 'counted against another account than the one whose line was taken' }];
}

function brokenLines(history: History, ledger: Ledger, admission: Admission): readonly Broken[] {
  const account = accountOf(history, admission);
  const sameName = ({ subscription }: AttemptFact) => subscription === admission.subscription;
  const isOfAccount = (one: AttemptFact) => {
    const its = accountOf(history, one);
    return account === undefined || its === undefined ? sameName(one) : its === account;
  };
  const { floor } = ledger.recountLines(admission, isOfAccount);
  // Lines of an account that is gone may be counted under whoever has its name now.
  const { roof } = ledger.recountLines(admission, (one) => isOfAccount(one) || sameName(one));
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

/** The upstreams that a session certainly goes through: those of its project in the policy that it was begun under. */
function upstreamsOf(history: History, policy: Policy, attempt: AttemptFact): readonly string[] {
  const { project } = attempt;
  const named = ({ projects }: Policy) => projects.find(({ name }) => name === project)?.upstreams;
  const under = begunUnder(history, attempt);
  const begun = under === undefined ? undefined : named(under);
  const present = named(policy) ?? [];
  if (begun === undefined || under === undefined) return present;
  const known = under.upstreams.map(({ name }) => name);
  const renamed = begun.some((one) => !policy.upstreams.some(({ name }) => name === one));
  return [...begun, ...present.filter((name) => renamed || !known.includes(name))];
}

function brokenUpstreams(history: History, policy: Policy, ledger: Ledger, admission: Admission): readonly Broken[] {
  const taken = policy.projects.find(({ name }) => name === admission.project)?.upstreams ?? [];
  return policy.upstreams.flatMap((upstream) => {
    if (upstream.concurrencyLimit === undefined || !taken.includes(upstream.name)) return [];
    const { floor } = ledger.recountLines(admission, (one) => upstreamsOf(history, policy, one).includes(upstream.name));
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
