import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CoreV1Api, type KubeConfig, PatchStrategy, setHeaderOptions, type V1Pod } from '@kubernetes/client-node';
import { onTestFinished } from 'vitest';
import { secretsDirectory } from '../../../operator/pool/plan/secret-volumes.ts';
import { freePort } from '../../../standalone/ports.ts';

/**
 * What a node does, as far as a fleet needs it: pods of workers become real processes of the image's entry point, with their environment and their
 * Secrets; their readiness is probed, as often as the plan says, and told; they get SIGTERM when the pod is deleted. No namespaces, no limits: what they
 * need of the operator's plan, they need here as well.
 */
export type ProcessNode = {
  /** URL of a port that leads to any worker that is ready, as a Service does. */
  readonly service: string;
  /** Connections to workers that were refused or reset. */
  readonly broken: () => number;
  /** Names of the pods that run, and whether they are ready. */
  readonly pods: () => ReadonlyMap<string, boolean>;
  /** What workers have said so far, by pod. */
  readonly logs: () => ReadonlyMap<string, string>;
  /** Kills a worker's process; it is started again, as a kubelet would. */
  readonly kill: (pod: string) => void;
};

type Running = {
  readonly port: number;
  readonly probeEveryMs: number;
  child: ChildProcess;
  startedAt: Date;
  probedMs: number;
  ready: boolean;
  leaving: boolean;
  log: string;
};

const lookEveryMs = 250;
const usualPeriodSeconds = 10;

/** `entryOf`: the program that a pod's image begins with; that of this tree unless told otherwise. */
export async function aProcessNode(
  config: KubeConfig,
  namespace: string,
  entryOf: (pod: V1Pod) => string = () => 'roles/main.ts',
): Promise<ProcessNode> {
  const core = config.makeApiClient(CoreV1Api);
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-node-'));
  const running = new Map<string, Running>();
  const service = await aService(() => [...running.values()].filter(({ ready, leaving }) => ready && !leaving).map(({ port }) => port));
  let over = false;

  async function start(pod: V1Pod): Promise<void> {
    const name = pod.metadata?.name ?? '';
    const here = join(folder, name);
    await writeSecrets(core, namespace, pod, here);
    const port = await freePort();
    const container = pod.spec?.containers[0];
    const environment = Object.fromEntries((container?.env ?? []).map((one) => [one.name, one.value ?? name]));
    for (const [variable, value] of Object.entries(environment)) environment[variable] = value.replace(secretsDirectory, here);
    const launch = () =>
      spawn(process.execPath, ['--max-semi-space-size=2', '--optimize-for-size', entryOf(pod), ...(container?.args ?? [])], {
        // Pods have an address each, processes of one machine a port each.
        env: {
          PATH: process.env['PATH'],
          ...environment,
          TRUNKLINE_PORT: String(port),
          TRUNKLINE_PEER_HOST: '127.0.0.1',
          TRUNKLINE_PEER_PORT: '0',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    const probeEveryMs = (container?.readinessProbe?.periodSeconds ?? usualPeriodSeconds) * 1_000;
    const worker: Running = {
      port,
      probeEveryMs,
      child: launch(),
      startedAt: new Date(),
      probedMs: 0,
      ready: false,
      leaving: false,
      log: '',
    };
    running.set(name, worker);
    const follow = (child: ChildProcess) => {
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => {
          worker.log = `${worker.log}${text}`.slice(-100_000);
        });
      child.once('exit', () => {
        worker.ready = false;
        if (worker.leaving || over) return;
        worker.child = launch();
        worker.startedAt = new Date();
        follow(worker.child);
      });
    };
    follow(worker.child);
  }

  async function tell(name: string, { ready, startedAt }: Running): Promise<void> {
    const at = new Date().toISOString();
    const conditions = ['Initialized', 'PodScheduled', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: type.endsWith('Ready') ? (ready ? 'True' : 'False') : 'True',
      lastTransitionTime: at,
    }));
    const state = { running: { startedAt } };
    const containers = [{ name: 'worker', ready, restartCount: 0, image: 'here', imageID: 'here', state, started: true }];
    const status = { phase: 'Running', conditions, containerStatuses: containers };
    await core.patchNamespacedPodStatus({ name, namespace, body: { status } }, setHeaderOptions('Content-Type', PatchStrategy.MergePatch));
  }

  async function look(): Promise<void> {
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: 'app.kubernetes.io/name=trunkline-worker' });
    const wanted = new Map(items.map((pod) => [pod.metadata?.name ?? '', pod]));
    for (const [name, pod] of wanted) if (!running.has(name) && pod.metadata?.deletionTimestamp === undefined) await start(pod);
    for (const [name, worker] of running) {
      if (wanted.has(name) || worker.leaving) continue;
      worker.leaving = true;
      worker.child.kill('SIGTERM');
      void once(worker.child, 'exit').then(() => running.delete(name));
    }
    for (const [name, worker] of running) {
      if (worker.leaving || performance.now() - worker.probedMs < worker.probeEveryMs) continue;
      worker.probedMs = performance.now();
      const ready = await fetch(`http://127.0.0.1:${worker.port}/readyz`, { signal: AbortSignal.timeout(2_000) }).then(
        ({ ok }) => ok,
        () => false,
      );
      if (ready === worker.ready) continue;
      worker.ready = ready;
      await tell(name, worker);
    }
  }

  const looking = (async () => {
    while (!over) {
      await look().catch((error: Error) => process.stdout.write(`node: ${error.message.split('\n')[0]}\n`));
      await pause(lookEveryMs);
    }
  })();
  onTestFinished(async () => {
    over = true;
    await looking;
    service.close();
    for (const { child } of running.values()) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  return {
    service: `http://127.0.0.1:${service.port}`,
    broken: service.broken,
    pods: () => new Map([...running].filter(([, { leaving }]) => !leaving).map(([name, { ready }]) => [name, ready])),
    logs: () => new Map([...running].map(([name, { log }]) => [name, log])),
    kill: (pod) => running.get(pod)?.child.kill('SIGKILL'),
  };
}

/** Files as a kubelet mounts them: only the keys that the volume names, and none of a Secret that is not there. */
async function writeSecrets(core: CoreV1Api, namespace: string, pod: V1Pod, folder: string): Promise<void> {
  for (const { secret } of pod.spec?.volumes ?? []) {
    if (secret?.secretName === undefined) continue;
    const name = secret.secretName;
    const { items } = await core.listNamespacedSecret({ namespace, fieldSelector: `metadata.name=${name}` });
    for (const { key, path } of secret.items ?? []) {
      const value = items[0]?.data?.[key];
      if (value === undefined) continue;
      const file = join(folder, name, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, Buffer.from(value, 'base64'));
    }
  }
}

/** A port that passes each connection on to one of these. */
async function aService(
  endpoints: () => readonly number[],
): Promise<{ readonly port: number; readonly broken: () => number; readonly close: () => void }> {
  const open = new Set<Socket>();
  let turn = 0;
  let broken = 0;
  const server = createServer((client) => {
    const ports = endpoints();
    turn += 1;
    const port = ports[turn % Math.max(1, ports.length)];
    if (port === undefined) {
      client.destroy();
      return;
    }
    const worker = connect(port, '127.0.0.1');
    worker.on('error', () => {
      broken += 1;
    });
    for (const [one, other] of [
      [client, worker],
      [worker, client],
    ] as const) {
      open.add(one);
      one.once('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.on('error', () => other.destroy());
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the service listens at no port');
  return {
    port: address.port,
    broken: () => broken,
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
