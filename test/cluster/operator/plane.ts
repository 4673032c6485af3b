import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { type Api, openApi } from '../../../operator/runtime/api.ts';
import { processClock } from '../../../operator/runtime/clock.ts';
import { kubeconfigAccess } from '../../../operator/runtime/kubeconfig.ts';
import { openWire, type Wire } from '../../chaos/proxy.ts';
import { administrator, makeNamespace } from '../cluster.ts';

/** What tests of the operator's runtime stand on: a namespace of the shared cluster, and ways to it that can be hurt. */

/** A namespace for the tests of a file. */
export function aNamespace(): { readonly name: () => string } {
  let made: Awaited<ReturnType<typeof makeNamespace>> | undefined;
  beforeAll(async () => {
    made = await makeNamespace(administrator());
  });
  afterAll(async () => made?.remove());
  return {
    name: () => {
      if (made === undefined) throw new Error('the namespace is made before the tests run');
      return made.name;
    },
  };
}

/** The API as the operator reaches it, until the test ends. */
export function anApi(config: KubeConfig = administrator()): Api {
  const api = openApi(kubeconfigAccess(config), processClock);
  onTestFinished(() => api.close());
  return api;
}

/** Why a test that hurts the way to the API server does not run: that of somebody's own cluster need not be on this machine. */
export const isGivenCluster = (process.env['TRUNKLINE_TEST_KUBECONFIG'] ?? '') !== '';

/** The API behind a wire of its own, where the API server listens on this machine. */
export async function anApiByWire(config: KubeConfig = administrator()): Promise<{ readonly api: Api; readonly wire: Wire }> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig names no cluster');
  const there = new URL(cluster.server);
  const wire = await openWire(Number(there.port));
  onTestFinished(() => wire.close());
  const byWire = new KubeConfig();
  byWire.loadFromString(config.exportConfig());
  byWire.clusters = byWire.clusters.map((one) => ({ ...one, server: `https://127.0.0.1:${wire.port}` }));
  return { api: anApi(byWire), wire };
}
