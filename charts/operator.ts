import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { deploy, env, httpProbe, labelsOf, secretFiles, selectorOf } from './workload.ts';

export const operatorName = 'trunkline-operator';
const port = 8_081;
const ledgerDirectory = '/var/run/trunkline/ledger';

export type OperatorProps = {
  readonly namespace: string;
  readonly image: string;
  readonly namespaces: readonly string[] | undefined;
  readonly ledgerSecret: { readonly name: string; readonly key: string };
};

/** The operator: two replicas, of which one acts and the other takes over. */
export function addOperator(scope: Construct, { namespace, image, namespaces, ledgerSecret }: OperatorProps): void {
  const metadata = { name: operatorName, namespace, labels: labelsOf(operatorName) };
  const selector = { matchLabels: selectorOf(operatorName) };
  deploy(scope, {
    name: operatorName,
    namespace,
    image,
    role: 'operator',
    replicas: 2,
    strategy: {
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: k8s.IntOrString.fromNumber(1), maxUnavailable: k8s.IntOrString.fromNumber(0) },
    },
    token: 'mounted',
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
      env('TRUNKLINE_LEDGER_URL_FILE', `${ledgerDirectory}/url`),
      ...(namespaces === undefined ? [] : [env('TRUNKLINE_NAMESPACES', namespaces.join(','))]),
      env('TRUNKLINE_WORKER_IMAGE', image),
      env('TRUNKLINE_HEALTH_PORT', String(port)),
    ],
    port: { name: 'http', number: port },
    probes: {
      startup: httpProbe('/livez', { periodSeconds: 1, failureThreshold: 60 }),
      readiness: httpProbe('/readyz', { periodSeconds: 5, failureThreshold: 2 }),
      liveness: httpProbe('/livez', { periodSeconds: 10, failureThreshold: 3 }),
    },
    resources: { cpu: '100m', memory: '192Mi', memoryLimit: '512Mi' },
    mounts: [{ name: 'ledger', path: ledgerDirectory, source: ledgerVolume(ledgerSecret) }],
  });
  new k8s.KubeService(scope, 'service', {
    metadata,
    spec: {
      type: 'ClusterIP',
      selector: selectorOf(operatorName),
      ports: [{ name: 'http', port, targetPort: k8s.IntOrString.fromString('http'), protocol: 'TCP' }],
    },
  });
  new k8s.KubePodDisruptionBudget(scope, 'disruption-budget', {
    metadata,
    spec: { maxUnavailable: k8s.IntOrString.fromNumber(1), unhealthyPodEvictionPolicy: 'AlwaysAllow', selector },
  });
  // In: probes and scrapes. Out: anywhere, because where the API server and the ledger are differs from cluster to cluster.
  new k8s.KubeNetworkPolicy(scope, 'network-policy', {
    metadata,
    spec: {
      podSelector: selector,
      policyTypes: ['Ingress'],
      ingress: [{ ports: [{ port: k8s.IntOrString.fromNumber(port), protocol: 'TCP' }] }],
    },
  });
}

/** Optional: without it the operator runs, says in every pool what is missing, and reads the file as soon as it is there. */
function ledgerVolume({ name, key }: OperatorProps['ledgerSecret']): Omit<k8s.Volume, 'name'> {
  const { secret } = secretFiles(name, { url: key });
  return { secret: { ...secret, optional: true } };
}
