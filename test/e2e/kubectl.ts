import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { z } from 'zod';

/** The cluster that KUBECONFIG names, by kubectl. */

/** kubectl said no. */
export class KubectlFailed extends Error {
  override readonly name = 'KubectlFailed';
}

const withinMs = 120_000;

/** What kubectl prints. @throws KubectlFailed with its words */
export function kubectl(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('kubectl', [...args], { timeout: withinMs, maxBuffer: 67_108_864 }, (error, out, err) => {
      if (error === null) resolve(out);
      else reject(new KubectlFailed(`kubectl ${args.slice(0, 6).join(' ')}: ${err.trim() || error.message}`));
    });
    child.stdin?.end(input);
  });
}

const object = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.looseObject({}).optional(),
  status: z.unknown().optional(),
});
export type Listed = z.infer<typeof object>;

export async function list(kind: string, namespace: string, selector?: string): Promise<readonly Listed[]> {
  const selected = selector === undefined ? [] : ['-l', selector];
  const text = await kubectl(['get', kind, '-n', namespace, '-o', 'json', ...selected]);
  return z.object({ items: z.array(object) }).parse(JSON.parse(text)).items;
}

const podStatus = z.looseObject({ conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).default([]) });

export function isReady({ status, metadata }: Listed): boolean {
  const { conditions } = podStatus.parse(status ?? {});
  return metadata.deletionTimestamp === undefined && conditions.some(({ type, status: holds }) => type === 'Ready' && holds === 'True');
}

/** A service of the cluster, through the API server. */
export function viaApiServer(namespace: string, service: string, path: string): string {
  return `/api/v1/namespaces/${namespace}/services/${service}:80/proxy${path}`;
}

/** Forwards a port of this machine to a service; closed with the process that asked. */
export async function forward(namespace: string, service: string): Promise<{ readonly url: string; readonly close: () => void }> {
  const child: ChildProcess = spawn('kubectl', ['port-forward', '-n', namespace, `svc/${service}`, ':80'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const port = /127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    });
  child.once('exit', () => reject(new KubectlFailed(`kubectl port-forward: ${said}`)));
  return { url: await promise, close: () => void child.kill() };
}
