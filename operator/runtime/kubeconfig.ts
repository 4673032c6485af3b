import { KubeConfig } from '@kubernetes/client-node';
import { EnvironmentInvalid } from '../../crds/variables.ts';
import type { Access } from './access.ts';

/** How whoever is named by the current context of a kubeconfig reaches its cluster. */
export function kubeconfigAccess(config: KubeConfig): Access {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new EnvironmentInvalid('the kubeconfig has no current context with a cluster: set current-context');
  return {
    server: cluster.server,
    // The library's agent knows the way through a proxy, but keeps no connection.
    proxied: cluster.proxyUrl !== undefined,
    authorise: (options) => config.applyToHTTPSOptions(options),
  };
}

/** By the kubeconfig that `kubectl` would use here. @throws EnvironmentInvalid when it cannot be used; nothing of what is in it is told */
export function defaultAccess(): Access {
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const file = process.env['KUBECONFIG'] ?? '~/.kube/config';
    const why = 'code' in error && 'syscall' in error ? `cannot be read (${error.code})` : 'is no kubeconfig';
    throw new EnvironmentInvalid(`the kubeconfig ${file} ${why}: KUBECONFIG names another`, { cause: error });
  }
  return kubeconfigAccess(config);
}
