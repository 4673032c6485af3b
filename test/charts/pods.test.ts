import { expect, test } from 'vitest';
import { ofKind, synthesised } from './manifests.ts';
import { describePods } from './pod-rules.ts';

const all = synthesised();

test('there are three', () => {
  expect(ofKind(all, 'Deployment').map(({ metadata }) => metadata.name)).toEqual([
    'trunkline-operator',
    'trunkline-ledger',
    'trunkline-simulator',
  ]);
});

describePods(all);
