import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';

/** Where the API server is, and who asks it. */
export type Access = {
  /** Its address, with the path that stands before the API. */
  readonly server: string;
  /** Whether `authorise` puts an agent into the options that leads through a proxy. */
  readonly proxied: boolean;
  /** Puts certificates and credentials into the options of a request, as they are now: they change while we run. */
  readonly authorise: (options: RequestOptions) => Promise<void>;
};

/** Where the kubelet puts a pod's credentials. */
const podCredentials = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The kubelet replaces a token long before it expires. */
const readAgainAfterMs = 60_000;

/**
 * How an operator reaches the cluster that it runs in: a pod needs no more than an address, a token and a certificate. Undefined outside of one, or when
 * a kubeconfig is asked for; see kubeconfig.ts. The library that reads those costs 65 MB of memory.
 *
 * `TRUNKLINE_API_CREDENTIALS`: the folder of `token` and `ca.crt`, where it is another.
 */
export function podAccess(variables: NodeJS.ProcessEnv, now: () => number): Access | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, KUBECONFIG: kubeconfig } = variables;
  if (host === undefined || port === undefined || (kubeconfig ?? '') !== '') return undefined;
  const directory = variables['TRUNKLINE_API_CREDENTIALS'] ?? podCredentials;
  let credentials = Promise.resolve({ token: '', ca: '' });
  let readAtMs = Number.NEGATIVE_INFINITY;

  async function read(): Promise<{ readonly token: string; readonly ca: string }> {
    const [token, ca] = await Promise.all([readFile(join(directory, 'token'), 'utf8'), readFile(join(directory, 'ca.crt'), 'utf8')]);
    return { token: token.trim(), ca };
  }

  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    proxied: false,
    async authorise(options) {
      if (now() - readAtMs >= readAgainAfterMs) {
        readAtMs = now();
        credentials = read();
        credentials.catch(() => {
          readAtMs = Number.NEGATIVE_INFINITY;
        });
      }
      const { token, ca } = await credentials;
      options.ca = ca;
      options.headers = { ...options.headers, authorization: `Bearer ${token}` };
    },
  };
}
