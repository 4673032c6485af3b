import type { V1Container, V1EnvVar, V1PodSpec, V1PodTemplateSpec, V1Probe } from '@kubernetes/client-node';
import type { PoolSpec } from '../../../crds/pool.ts';
import { durationMs, type PoolKey } from '../../../crds/values.ts';
import type { PodTemplateSpec } from '../../../crds/workers.ts';
import { childName, labelsOf, type PlannedPool, peerPort, selectorOf, workerPort } from './names.ts';
import { keysOf, type SecretKeys, secretsDirectory, secretVolumes } from './secret-volumes.ts';

/** What a team says of these is handed on as it is: the API server checks it. */
type HandedOn = { readonly affinity?: Readonly<Record<string, unknown>>; readonly tolerations?: PodTemplateSpec['tolerations'] };
export type PlannedPod = Omit<V1PodTemplateSpec, 'spec'> & { readonly spec: Omit<V1PodSpec, keyof HandedOn> & HandedOn };

export type PodInput = {
  readonly pool: PlannedPool;
  readonly spec: PoolSpec;
  readonly poolKey: PoolKey;
  readonly image: string;
  /** The keys that pods have. Default: those that the declaration names; an operator adds others while they are needed. */
  readonly keys?: SecretKeys;
};

/** Image and node's user 1000; a number, so that the kubelet can tell that it is not root. */
const userId = 1_000;
/** Beyond the worker's own drain: for its start of leaving and the end of its connections. */
const graceBeyondDrainSeconds = 30;

/**
 * The pods of a pool's workers. Nothing in it follows from what workers read in the ledger (classes, limits, keys' content), so that changing those starts no
 * worker anew.
 */
export function podTemplateOf(input: PodInput): PlannedPod {
  const { pool, spec } = input;
  const { podTemplate, drain } = spec.workers;
  const { affinity, nodeSelector, tolerations, priorityClassName } = podTemplate ?? {};
  return {
    metadata: {
      // Ours last: selectors rest on them.
      labels: { ...podTemplate?.labels, ...labelsOf(pool) },
      ...(isEmpty(podTemplate?.annotations) ? {} : { annotations: { ...podTemplate?.annotations } }),
    },
    spec: {
      serviceAccountName: childName(pool),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: Math.ceil(durationMs(drain.timeout) / 1_000) + graceBeyondDrainSeconds,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: userId,
        runAsGroup: userId,
        fsGroup: userId,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [containerOf(input)],
      volumes: [{ name: 'tmp', emptyDir: {} }, ...secretVolumes(input.keys ?? keysOf(spec)).volumes],
      topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selectorOf(pool) },
      })),
      ...(isEmpty(nodeSelector) ? {} : { nodeSelector: { ...nodeSelector } }),
      ...(tolerations === undefined || tolerations.length === 0 ? {} : { tolerations }),
      ...(isEmpty(affinity) ? {} : { affinity: { ...affinity } }),
      ...(priorityClassName === undefined ? {} : { priorityClassName }),
    },
  };
}

function containerOf({ spec, poolKey, image, keys }: PodInput): V1Container {
  const { requests, limits } = spec.workers.resources;
  return {
    name: 'worker',
    image,
    args: ['worker'],
    env: environmentOf(spec, poolKey),
    ports: [
      { name: 'http', containerPort: workerPort, protocol: 'TCP' },
      { name: 'peers', containerPort: peerPort, protocol: 'TCP' },
    ],
    // It lives from its first moment, and waits for the ledger as long as that takes.
    startupProbe: probe('/livez', { periodSeconds: 1, failureThreshold: 60 }),
    readinessProbe: probe('/readyz', { periodSeconds: 2, failureThreshold: 1 }),
    livenessProbe: probe('/livez', { periodSeconds: 10, failureThreshold: 3 }),
    resources: {
      requests: { ...requests },
      limits: { memory: limits.memory, ...(limits.cpu === undefined ? {} : { cpu: limits.cpu }) },
    },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...secretVolumes(keys ?? keysOf(spec)).mounts],
  };
}

/** What `workers/environment.ts` reads. */
function environmentOf(spec: PoolSpec, poolKey: PoolKey): V1EnvVar[] {
  const { ledger } = spec;
  const ledgerFile = ledger === undefined ? undefined : `${secretsDirectory}/${ledger.secretRef.name}/${ledger.secretRef.key}`;
  return [
    { name: 'TRUNKLINE_POOL', value: poolKey },
    ...(ledgerFile === undefined ? [] : [{ name: 'TRUNKLINE_LEDGER_URL_FILE', value: ledgerFile }]),
    { name: 'TRUNKLINE_SECRETS', value: secretsDirectory },
    { name: 'TRUNKLINE_PORT', value: String(workerPort) },
    { name: 'TRUNKLINE_PEER_HOST', valueFrom: fieldOf('status.podIP') },
    { name: 'TRUNKLINE_PEER_PORT', value: String(peerPort) },
    { name: 'TRUNKLINE_WORKER_NAME', valueFrom: fieldOf('metadata.name') },
  ];
}

const fieldOf = (fieldPath: string) => ({ fieldRef: { apiVersion: 'v1', fieldPath } });

const probe = (path: string, times: { readonly periodSeconds: number; readonly failureThreshold: number }): V1Probe => ({
  httpGet: { path, port: 'http', scheme: 'HTTP' },
  timeoutSeconds: 2,
  ...times,
});

const isEmpty = (fields: object | undefined): boolean => fields === undefined || Object.keys(fields).length === 0;
