import { expect, test } from 'vitest';
import { readPool, readStatus } from '../../../operator/pool/declared.ts';

test('a declaration that a defect of ours keeps from being read is there, and refused: its pool is not taken for deleted', () => {
  const spec = Object.defineProperty({}, 'subscriptions', {
    enumerable: true,
    get: () => {
      throw new Error('a defect');
    },
  });
  const pool = readPool({
    apiVersion: 'trunkline.dev/v1alpha1',
    kind: 'VoiceCapacityPool',
    metadata: { name: 'sales', namespace: 'voice', uid: 'uid-1', generation: 2, resourceVersion: '7' },
    spec,
  });
  expect(pool).toMatchObject({ uid: 'uid-1', generation: 2, deleting: false });
  expect(pool.declared).toMatchObject({ accepted: false, problems: [expect.stringContaining('a defect')] });
});

test('of a status in the words of a newer release it is known that the pool was looked at, and where its queue is', () => {
  const conditions = [{ type: 'Ready', status: 'True', invented: 1 }];
  const pool = readPool({
    apiVersion: 'trunkline.dev/v1alpha1',
    kind: 'VoiceCapacityPool',
    metadata: { name: 'sales', namespace: 'voice', uid: 'uid-1', generation: 2, resourceVersion: '7' },
    spec: {},
    status: { observedGeneration: 2, ledgerId: 'ledger-1', invented: true, conditions },
  });
  expect(readStatus(pool)).toEqual({ observedGeneration: 2, ledgerId: 'ledger-1' });
});
