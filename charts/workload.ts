import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';

/** What our own pods have in common: a role of the image, in a namespace that enforces the Pod Security standard `restricted`. */

/** The image's user. A number, so that the kubelet can tell that it is not root. */
const userId = 1_000;

export type Mount = { readonly name: string; readonly path: string; readonly source: Omit<k8s.Volume, 'name'> };

export type Workload = {
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  readonly role: string;
  readonly replicas: number;
  readonly strategy: k8s.DeploymentStrategy;
  /** Whether its pods may speak to the cluster. */
  readonly token: 'mounted' | 'none';
  readonly env: readonly k8s.EnvVar[];
  readonly port: { readonly name: string; readonly number: number };
  readonly probes: { readonly startup: k8s.Probe; readonly readiness: k8s.Probe; readonly liveness: k8s.Probe };
  readonly resources: { readonly cpu: string; readonly memory: string; readonly memoryLimit: string };
  readonly mounts: readonly Mount[];
  /** What the pods are started anew for when it changes. */
  readonly annotations?: Readonly<Record<string, string>>;
};

export const labelsOf = (name: string): Record<string, string> => ({
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/part-of': 'trunkline',
});

/** What selectors go by; a Deployment's selector cannot change. */
export const selectorOf = (name: string): Record<string, string> => ({ 'app.kubernetes.io/name': name });

export const env = (name: string, value: string): k8s.EnvVar => ({ name, value });

/** One in which only pods without privileges are admitted. */
export function restrictedNamespace(scope: Construct, name: string): k8s.KubeNamespace {
  const levels = ['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']);
  return new k8s.KubeNamespace(scope, 'namespace', { metadata: { name, labels: Object.fromEntries(levels) } });
}

/** A Deployment and the account that its pods run under. */
export function deploy(scope: Construct, workload: Workload): void {
  const { name, namespace, replicas, strategy } = workload;
  const metadata = { name, namespace, labels: labelsOf(name) };
  new k8s.KubeServiceAccount(scope, 'account', { metadata, automountServiceAccountToken: false });
  new k8s.KubeDeployment(scope, 'deployment', {
    metadata,
    spec: {
      replicas,
      revisionHistoryLimit: 3,
      selector: { matchLabels: selectorOf(name) },
      strategy,
      template: {
        metadata: { labels: labelsOf(name), ...(workload.annotations === undefined ? {} : { annotations: { ...workload.annotations } }) },
        spec: podOf(workload),
      },
    },
  });
}

function podOf(workload: Workload): k8s.PodSpec {
  return {
    serviceAccountName: workload.name,
    automountServiceAccountToken: workload.token === 'mounted',
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: userId,
      runAsGroup: userId,
      fsGroup: userId,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [containerOf(workload)],
    volumes: [{ name: 'tmp', emptyDir: {} }, ...workload.mounts.map(({ name, source }) => ({ name, ...source }))],
    topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: selectorOf(workload.name) },
    })),
  };
}

function containerOf({ role, image, port, probes, resources, mounts, env: variables }: Workload): k8s.Container {
  const { cpu, memory, memoryLimit } = resources;
  return {
    name: role,
    image,
    args: [role],
    env: [...variables],
    ports: [{ name: port.name, containerPort: port.number, protocol: 'TCP' }],
    startupProbe: probes.startup,
    readinessProbe: probes.readiness,
    livenessProbe: probes.liveness,
    resources: {
      requests: { cpu: k8s.Quantity.fromString(cpu), memory: k8s.Quantity.fromString(memory) },
      limits: { memory: k8s.Quantity.fromString(memoryLimit) },
    },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      ...mounts.map(({ name, path, source }) => ({ name, mountPath: path, ...(source.emptyDir === undefined ? { readOnly: true } : {}) })),
    ],
  };
}

type Times = { readonly periodSeconds: number; readonly failureThreshold: number };

export const httpProbe = (path: string, times: Times): k8s.Probe => ({
  httpGet: { path, port: k8s.IntOrString.fromString('http') },
  timeoutSeconds: 2,
  ...times,
});

export const tcpProbe = (port: string, times: Times): k8s.Probe => ({
  tcpSocket: { port: k8s.IntOrString.fromString(port) },
  timeoutSeconds: 2,
  ...times,
});

/** Files of a Secret, `keys` by the names that the files get. */
export function secretFiles(secretName: string, keys: Readonly<Record<string, string>>): Omit<k8s.Volume, 'name'> {
  const items = Object.entries(keys).map(([path, key]) => ({ key, path }));
  return { secret: { secretName, defaultMode: 0o440, items } };
}
