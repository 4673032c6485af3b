import { expect, test } from 'vitest';
import { aDial } from '../history/hand-made.ts';
import type { AttemptFact, Refusal } from '../history/history.ts';
import { crowdedOut } from './crowded-out.ts';

/** Two lines of a ceiling of three are taken when a dial is decided on at 10 s; the account has four. */
const refused = aDial(9, 9, 10_000, 100, { outcome: 'Capacity', callId: null, inUse: 3 }).attempt;
const caller = (seq: number, createdAtMs: number): AttemptFact =>
  aDial(seq, seq, 10_300, 5_000, { direction: 'Inbound', project: 'sales', createdAtMs }).attempt;

const refusal = (atMs: number, ...kinds: readonly Refusal['live'][number]['kind'][]): Refusal => ({
  project: 'sales',
  atMs,
  live: kinds.map((kind, index) => ({ id: `call-${index + 1}`, kind })),
});

const live = ['outbound', 'outbound', 'inbound', 'inbound'] as const;

test.each([
  ['callers who came since it was decided have the lines', [caller(3, 10_020), caller(4, 10_030)], refusal(10_050, ...live), true],
  ['one of them had come before', [caller(3, 9_990), caller(4, 10_030)], refusal(10_050, ...live), false],
  ['one of them is not known at all', [caller(3, 10_020)], refusal(10_050, ...live), false],
  ['dials have the lines', [caller(4, 10_030)], refusal(10_050, 'outbound', 'outbound', 'outbound', 'inbound'), false],
  ['a foreign call has one of them', [caller(4, 10_030)], refusal(10_050, 'outbound', 'outbound', 'foreign', 'inbound'), false],
  ['it was refused at another moment', [caller(3, 10_020), caller(4, 10_030)], refusal(20_000, ...live), false],
  ['it was refused in another project', [caller(3, 10_020), caller(4, 10_030)], { ...refusal(10_050, ...live), project: 'desk' }, false],
] as const)('a refusal when %s: explained %s', (_when, callers, one, explained) => {
  expect(crowdedOut([one], [refused, ...callers])).toEqual(explained ? [one] : []);
});

test('one dial explains one refusal', () => {
  const one = refusal(10_050, ...live);
  expect(crowdedOut([one, one], [refused, caller(3, 10_020), caller(4, 10_030)])).toHaveLength(1);
});
