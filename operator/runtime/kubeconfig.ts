import { KubeConfig } from '@kubernetes/client-node';
import type { Access } from './access.ts';

/** How whoever is named by the current context of a kubeconfig reaches its cluster. */
export function kubeconfigAccess(config: KubeConfig): Access {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig has no current context with a cluster: set current-context');
  return {
    server: cluster.server,
    // The library's agent knows the way through a proxy, but keeps no connection.
    proxied: cluster.proxyUrl !== undefined,
    authorise: (options) => config.applyToHTTPSOptions(options),
  };
}

/** By the kubeconfig that `kubectl` would use here. */
export function defaultAccess(): Access {
  const config = new KubeConfig();
  config.loadFromDefault();
  return kubeconfigAccess(config);
}
