import { found, type Violation } from '../../violation.ts';
import { type Admission, type AttemptFact, admissionsOf, groupBy, type History } from '../history.ts';
import { freedBy } from '../holding.ts';
import { heardWithinMs, sameBatchMs } from '../tolerances.ts';

/**
 * I9: unknown is not zero. What the provider has told of its lines holds until it tells something else; a ceiling does not rise and a project that was
 * at fault does not come back because nothing is heard. Between a fact and its being known lies the time in which everybody has certainly heard.
 */
export function checkSignals(history: History): readonly Violation[] {
  return [
    ...found('I9', 'a ceiling was used that is above what the provider had told', aboveTold(history)),
    ...found('I9', 'a ceiling rose though nothing was heard', risenInSilence(history)),
    ...found('I9', 'a project that was at fault was used again though nothing was heard', backInSilence(history)),
  ];
}

/** An answer that was on its way for longer than this was given up. */
const answeredWithinMs = 8_000;

function aboveTold(history: History): readonly string[] {
  const epochs = groupBy(admissionsOf(history), ({ epoch }) => String(epoch));
  return [...epochs.values()].flatMap((admissions) => {
    const electedMs = admissions[0]?.admittedAtMs ?? 0;
    const above = admissions.filter((admission) => {
      const declared = history.policies.get(admission.policyVersion)?.subscriptions.find(({ name }) => name === admission.subscription);
      const told = mostThatWasTold(history, admission, electedMs);
      return declared !== undefined && told !== undefined && admission.ceiling > Math.max(0, told - declared.safetyMargin);
    });
    return above.map(({ id }) => id);
  });
}

/**
 * The highest limit that the dispatcher can have been told by the last refusal that it certainly knew of, or since; undefined when it knew of none. It
 * knew of all that had happened before an end for which it gave a slot back itself.
 */
function mostThatWasTold({ limits, attempts }: History, { subscription, admittedAtMs }: Admission, electedMs: number): number | undefined {
  if (limits.told === 'never') return undefined;
  const changes = limits.changes.filter((change) => change.subscription === subscription && change.atMs <= admittedAtMs);
  if (changes.length === 0) return undefined;
  const worked = attempts.filter(
    (one) => freedBy(one) === 'dispatcher' && (one.releasedAtMs ?? 0) > electedMs && (one.releasedAtMs ?? 0) <= admittedAtMs,
  );
  const knownMs = Math.max(...worked.map(({ endedAtMs }) => endedAtMs ?? 0)) - sameBatchMs;
  const refused = attempts.filter(
    (one) => one.subscription === subscription && one.outcome === 'Capacity' && (one.endedAtMs ?? knownMs) < knownMs,
  );
  const sinceMs = Math.max(...refused.map(({ sendingAtMs }) => sendingAtMs ?? 0)) - answeredWithinMs;
  const before = changes.findLastIndex(({ atMs }) => atMs < sinceMs);
  return before === -1 ? undefined : Math.max(...changes.slice(before).map(({ limit }) => limit));
}

/** When something was heard of a call: it was taken, it ended, its line is free. */
const newsOf = ({ boundAtMs, endedAtMs, releasedAtMs }: AttemptFact): readonly number[] =>
  [boundAtMs, endedAtMs, releasedAtMs].filter((atMs) => atMs !== null);

/** Decisions of one dispatcher under one policy: a successor knows only what was written down. */
function risenInSilence(history: History): readonly string[] {
  const newsAt = groupBy(
    history.attempts.flatMap((attempt) => newsOf(attempt).map((atMs) => ({ subscription: attempt.subscription, atMs }))),
    ({ subscription }) => subscription,
  );
  const inARow = groupBy(admissionsOf(history), ({ subscription, epoch, policyVersion }) => `${subscription} ${epoch} ${policyVersion}`);
  return [...inARow.values()].flatMap((admissions) =>
    admissions.flatMap((admission, index) => {
      const before = admissions[index - 1];
      if (before === undefined || admission.ceiling <= before.ceiling) return [];
      const [fromMs, toMs] = [before.admittedAtMs - heardWithinMs, admission.admittedAtMs];
      const heard = (newsAt.get(admission.subscription) ?? []).some(({ atMs }) => atMs > fromMs && atMs <= toMs);
      return heard ? [] : [admission.id];
    }),
  );
}

/** A project that was at fault is tried by this many sessions at once, and by more only when they have told something. */
const triedAtOnce = 2;

function backInSilence(history: History): readonly string[] {
  const admissionsAt = groupBy(admissionsOf(history), ({ project }) => project);
  return [...groupBy(history.attempts, ({ project }) => project)].flatMap(([project, attempts]) => {
    const dials = (admissionsAt.get(project) ?? []).filter(({ direction }) => direction === 'Outbound');
    const news = attempts.flatMap((attempt) => newsOf(attempt).map((atMs) => ({ atMs, fault: attempt.outcome === 'ProjectFault' })));
    const faults = news.filter(({ fault }) => fault);
    return faults.flatMap(({ atMs: faultMs }) => {
      const wellMs = Math.min(...news.filter(({ atMs, fault }) => !fault && atMs > faultMs).map(({ atMs }) => atMs));
      const againMs = Math.min(...faults.map(({ atMs }) => atMs).filter((atMs) => atMs > faultMs));
      const silent = dials.filter(({ admittedAtMs }) => admittedAtMs > faultMs + heardWithinMs && admittedAtMs < Math.min(wellMs, againMs));
      return silent.length > triedAtOnce ? silent.slice(triedAtOnce).map(({ id }) => id) : [];
    });
  });
}
