import { expect, test } from 'vitest';
import { openApplier } from '../../../operator/pool/apply.ts';
import { processClock } from '../../../operator/runtime/clock.ts';
import { kubectlSays } from '../cluster.ts';
import { aNamespace, anApi } from '../operator/plane.ts';
import { seen } from './operator.ts';

const namespace = aNamespace();

test('an account that somebody makes between the look and the write is left as it was, and told', async () => {
  const name = 'between-vcp';
  const api = anApi();
  const late = {
    ...api,
    request: async (...[call, signal]: Parameters<typeof api.request>) => {
      try {
        return await api.request(call, signal);
      } finally {
        if (call.method === 'GET') await kubectlSays(['create', 'serviceaccount', name, '-n', namespace.name()]);
      }
    },
  };
  const applier = openApplier(late, { child: () => undefined, childVersion: () => undefined }, processClock);
  const owner = { apiVersion: 'trunkline.dev/v1alpha1', kind: 'VoiceCapacityPool', name: 'between', controller: true, uid: 'uid-1' };
  const metadata = { name, namespace: namespace.name(), labels: { ours: 'yes' }, ownerReferences: [owner] };
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false };
  const { troubles } = await applier.apply([account], 'uid-1', new AbortController().signal);
  expect(troubles).toMatchObject([{ kind: 'ServiceAccount', name, reason: 'NameConflict' }]);
  const left = await seen(namespace.name(), 'serviceaccount', name);
  expect(left?.metadata).not.toHaveProperty('labels');
  expect(left?.metadata).not.toHaveProperty('ownerReferences');
  expect(left).not.toHaveProperty('automountServiceAccountToken');
});
