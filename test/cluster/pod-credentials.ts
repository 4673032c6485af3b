import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';

/**
 * Lays down in a folder what the kubelet would mount for an account, and returns the environment of a pod that finds it there. `kubeconfig`: anybody's, for
 * the address and its certificate.
 */
export async function layPodCredentials(folder: string, kubeconfig: KubeConfig, token: string): Promise<Readonly<Record<string, string>>> {
  const cluster = kubeconfig.getCurrentCluster();
  if (cluster?.caData === undefined) throw new Error('the kubeconfig has no certificate of the cluster in it');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'token'), `${token}\n`, { mode: 0o600 });
  await writeFile(join(folder, 'ca.crt'), Buffer.from(cluster.caData, 'base64'));
  const { hostname, port } = new URL(cluster.server);
  return { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, KUBECONFIG: '', TRUNKLINE_API_CREDENTIALS: folder };
}
