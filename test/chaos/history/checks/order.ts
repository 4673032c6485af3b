import { found, type Violation } from '../../violation.ts';
import { admissionsOf, groupBy, type History, isAdmission } from '../history.ts';
import { sameBatchMs } from '../tolerances.ts';

/** One writer at a time: decisions are totally ordered by (epoch, sequence), and say on what they were decided. */
export function checkSequence(history: History): readonly Violation[] {
  const admissions = admissionsOf(history);
  const repeated = admissions.filter(({ seq }, index) => seq <= (admissions[index - 1]?.seq ?? Number.NEGATIVE_INFINITY));
  const { dispatcher, said } = history;
  const ahead = admissions.filter(({ epoch, seq }) => epoch > dispatcher.epoch || seq > dispatcher.seq);
  const incomplete = history.attempts.filter((attempt) => attempt.admittedAtMs !== null && !isAdmission(attempt));
  const twice = [...groupBy(said.epochs, ({ epoch }) => String(epoch)).values()].filter(
    (announced) => new Set(announced.map(({ worker }) => worker)).size > 1,
  );
  return [
    ...found(
      'I10',
      'decisions do not rise in sequence',
      repeated.map(({ id }) => id),
    ),
    ...found(
      'I10',
      'decisions beyond where the dispatcher stands',
      ahead.map(({ id }) => id),
    ),
    ...found(
      'I10',
      'admissions do not say on what they were decided',
      incomplete.map(({ id }) => id),
    ),
    ...found(
      'I1',
      'epochs that two workers believed to be theirs',
      twice.flatMap((announced) => announced.map(({ epoch }) => String(epoch))),
    ),
  ];
}

/**
 * Time never runs against the order of decisions, and no epoch writes once a later one has. A dispatcher that was deposed and still admits shows as two
 * epochs that interleave.
 */
export function checkInstants(history: History): readonly Violation[] {
  const admissions = admissionsOf(history);
  const backwards: string[] = [];
  const interleaved: string[] = [];
  for (const [index, admission] of admissions.entries()) {
    const before = admissions[index - 1];
    if (before === undefined || admission.admittedAtMs >= before.admittedAtMs - sameBatchMs) continue;
    (admission.epoch === before.epoch ? backwards : interleaved).push(admission.id);
  }
  return [
    ...found('I10', 'later decisions were written earlier', backwards),
    ...found('I1', 'epochs interleave: two dispatchers admitted at once', interleaved),
  ];
}
