import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Processes } from './processes.ts';
import type { Programs } from './programs.ts';

/**
 * A Kubernetes control plane on this machine: etcd and an API server, and the controllers that a test asks for. No node, so pods stay pending. Everything
 * listens on 127.0.0.1 at a port that was free, so any number runs side by side; all of it is gone after `stop`.
 */

export type Controller = 'kube-controller-manager' | 'kube-scheduler';

export type ControlPlane = {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** A line of JSON for every request that the API server took: who, what, when. See audit.ts. */
  readonly auditLog: string;
  /** Starts controllers: garbage collection, deployments, or scheduling. */
  readonly run: (controller: Controller) => Promise<void>;
  /** Ends the API server, at once with SIGKILL; etcd stays. */
  readonly stopApiServer: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>;
  /** Starts it again at the same address, and waits until it is ready. */
  readonly startApiServer: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

const readyWithinMs = 90_000;

/** Starts etcd and an API server, and waits until it is ready. */
export async function startControlPlane(programs: Programs): Promise<ControlPlane> {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-cluster-'));
  const processes = new Processes(programs, folder);
  try {
    return await start(processes, folder);
  } catch (error) {
    await processes.stop();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function start(processes: Processes, folder: string): Promise<ControlPlane> {
  const [api, etcd, peer] = await freePorts();
  const token = randomBytes(32).toString('base64url');
  const kubeconfig = join(folder, 'kubeconfig');
  await mkdir(join(folder, 'certificates'));
  await writeFile(join(folder, 'tokens.csv'), `${token},admin,admin,system:masters\n`, { mode: 0o600 });
  await writeServiceAccountKeys(folder);
  await writeFile(join(folder, 'audit-policy.yaml'), auditPolicy);

  // The data dies with the test: no need to wait for the disk at each write.
  processes.start('etcd', [
    `--data-dir=${join(folder, 'etcd')}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
    `--listen-client-urls=http://127.0.0.1:${etcd}`,
    `--advertise-client-urls=http://127.0.0.1:${etcd}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
  ]);
  const startApiServer = async () => {
    processes.start('kube-apiserver', apiServerArguments(folder, `${api}`, `${etcd}`));
    await untilReady(processes, folder, `https://127.0.0.1:${api}`, token);
  };
  await startApiServer();
  await writeKubeconfig(kubeconfig, await readFile(join(folder, 'certificates/apiserver.crt')), `https://127.0.0.1:${api}`, token);

  return {
    kubeconfig,
    auditLog: auditLogIn(folder),
    run: async (controller) => processes.start(controller, [...controllerArguments(controller, folder), `--kubeconfig=${kubeconfig}`]),
    stopApiServer: (signal) => processes.end('kube-apiserver', signal),
    startApiServer,
    stop: async () => {
      await processes.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function apiServerArguments(folder: string, port: string, etcdPort: string): readonly string[] {
  return [
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    '--endpoint-reconciler-type=none', // a loopback address cannot be an endpoint, and no pod looks for it
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--cert-dir=${join(folder, 'certificates')}`, // where it makes its own
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'accounts.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'accounts.key')}`,
    `--audit-policy-file=${join(folder, 'audit-policy.yaml')}`,
    `--audit-log-path=${auditLogIn(folder)}`,
    '--audit-log-maxsize=0', // one file, whatever its size
  ];
}

/** Every request once when it is over, and a watch when it begins as well. */
const auditPolicy = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n';
const auditLogIn = (folder: string) => join(folder, 'audit.ndjson');

function controllerArguments(controller: Controller, folder: string): readonly string[] {
  const own = ['--leader-elect=false', '--secure-port=0'];
  if (controller === 'kube-scheduler') return own;
  return [
    ...own,
    `--service-account-private-key-file=${join(folder, 'accounts.key')}`,
    `--root-ca-file=${join(folder, 'certificates/apiserver.crt')}`,
    '--use-service-account-credentials=true',
    '--kube-api-qps=500', // by itself it makes twenty objects a second, out of caution for clusters with more to do
    '--kube-api-burst=1000',
  ];
}

/** Waits until the API server says that it is ready. Its certificate is there once it has made one. */
async function untilReady(processes: Processes, folder: string, url: string, token: string): Promise<void> {
  const certificate = join(folder, 'certificates/apiserver.crt');
  const until = performance.now() + readyWithinMs;
  while (performance.now() < until) {
    await processes.mustRun();
    if (existsSync(certificate) && (await answersReady(url, await readFile(certificate), token))) return;
    await pause(200);
  }
  throw new Error(`the API server is not ready after ${readyWithinMs / 1_000} s:\n${await processes.lastWords('kube-apiserver')}`);
}

function answersReady(url: string, ca: Buffer, token: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get(`${url}/readyz`, { ca, headers: { authorization: `Bearer ${token}` }, timeout: 5_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false)); // not listening yet
  });
}

async function writeKubeconfig(file: string, ca: Buffer, server: string, token: string): Promise<void> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': ca.toString('base64') } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  };
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
}

async function writeServiceAccountKeys(folder: string): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  await writeFile(join(folder, 'accounts.key'), privateKey, { mode: 0o600 });
  await writeFile(join(folder, 'accounts.pub'), publicKey);
}

/** Ports that were free a moment ago; all are held until all are found, so that they differ. */
async function freePorts(): Promise<readonly [api: number, etcd: number, peer: number]> {
  const holders = [createServer(), createServer(), createServer()] as const;
  const [api, etcd, peer] = await Promise.all([listen(holders[0]), listen(holders[1]), listen(holders[2])]);
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return [api, etcd, peer];
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('a port was asked for, and none was given'));
      else resolve(address.port);
    });
  });
}
