import { expect, test } from 'vitest';
import { readManifest } from '../../../crds/manifest.ts';
import { byFirstNames, firstNameOf, firstNames } from './by-account.ts';

const subscription = (name: string, account: string, project: string) => `
    - name: ${name}
      accountId: ${account}
      concurrencyLimit: 4
      projects: [{name: ${project}, apiKeySecretRef: {name: vapi, key: apiKey}, assistants: [{name: reception, id: a1}]}]`;

function specOf(...subscriptions: readonly string[]) {
  const read = readManifest(
    `
apiVersion: trunkline.dev/v1alpha1
kind: VoiceCapacityPool
metadata: {name: sales}
spec:
  subscriptions:${subscriptions.join('')}
  classes:
    - {name: vip, priority: 1000, direction: Inbound, assistant: reception, reservedAt: {east: 1}, match: {dialled: ["+14155550100"]}}
`,
    'test.yaml',
  );
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.manifest.spec;
}

const first = specOf(subscription('east', 'x', 'a'), subscription('west', 'y', 'b'));
const swapped = specOf(subscription('west', 'x', 'a'), subscription('east', 'y', 'b'));

test('accounts whose names are exchanged are judged by the names that they had first', () => {
  const names = firstNames([
    { version: 2, spec: swapped },
    { version: 1, spec: first },
  ]);
  expect(firstNameOf(names, first, 'east')).toBe('east');
  expect(firstNameOf(names, swapped, 'east')).toBe('west');
  const { subscriptions, classes } = byFirstNames(names, swapped);
  expect(subscriptions.map(({ name, accountId }) => [name, accountId])).toEqual([
    ['east', 'x'],
    ['west', 'y'],
  ]);
  expect(classes[0]?.reservedAt).toEqual({ west: 1 });
});
