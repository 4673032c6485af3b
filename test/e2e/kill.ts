import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import type { Pod } from './objects.ts';

/**
 * Kills a container's process with SIGKILL, as a crash or the kernel does. Nobody inside a container can do that to its first process, so a pod that sees
 * the node's processes does it: one that is no root and has no capability, but the user of the process.
 */

const namespace = 'trunkline-e2e';
const executioner = 'executioner';

/** The namespace is not restricted: no pod of the product is in it. */
export async function makeExecutioner(cluster: Cluster, image: string, nodeName: string): Promise<void> {
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: executioner, namespace },
      spec: {
        nodeName,
        hostPID: true,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        tolerations: [{ operator: 'Exists' }],
        securityContext: { runAsUser: 1_000, runAsGroup: 1_000 },
        containers: [{ name: executioner, image, command: ['node', '--eval', 'setInterval(() => undefined, 3_600_000)'] }],
      },
    },
  ];
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  await cluster.kubectl(['wait', '--for=condition=Ready', `pod/${executioner}`, '-n', namespace, '--timeout=60s']);
}

/** Processes of a pod are known by its uid in their control group; the pause container is none of Node. */
const program = `
  import { readdirSync, readFileSync } from 'node:fs';
  const uid = process.argv[1];
  const killed = [];
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    try {
      const groups = readFileSync('/proc/' + pid + '/cgroup', 'utf8').replaceAll('_', '-');
      const args = readFileSync('/proc/' + pid + '/cmdline', 'utf8').split('\\0');
      if (!groups.includes(uid) || !args.some((arg) => arg.endsWith('roles/main.ts'))) continue;
      process.kill(Number(pid), 'SIGKILL');
      killed.push(pid);
    } catch (error) {
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error;
    }
  }
  process.stdout.write(JSON.stringify({ atMs: Date.now(), killed: killed.length }));`;

const done = z.object({ atMs: z.number(), killed: z.number() });

/** Returns the moment, by the node's clock. */
export async function killProcessOf({ kubectl }: Cluster, { metadata }: Pod): Promise<number> {
  const run = ['exec', '-n', namespace, executioner, '--', 'node', '--input-type=module', '--eval', program, metadata.uid];
  const { atMs, killed } = done.parse(JSON.parse(await kubectl(run)));
  if (killed !== 1) throw new Error(`${killed} processes of ${metadata.name} were found and killed, where there is one`);
  return atMs;
}

export async function removeExecutioner({ kubectl }: Cluster): Promise<void> {
  await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=60s']);
}
