import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { operatorName } from './operator.ts';
import { deploy, env, labelsOf, secretFiles, selectorOf, tcpProbe } from './workload.ts';

const name = 'trunkline-ledger';
const port = 5_432;
const secretsDirectory = '/var/run/trunkline/ledger';

/** Everybody may know it: nothing but the operator and the trial's workers reaches that database, and it holds made-up people. */
const password = 'trial-ledger';

/** Where the trial's ledger is, as seen from any namespace. */
export function trialLedgerUrl(namespace: string): string {
  return `postgres://trunkline:${password}@${name}.${namespace}.svc:${port}/trunkline`;
}

/** For workers: where the ledger is. */
export const ledgerRef = { name: 'ledger', key: 'url' };

export type TrialLedgerProps = { readonly namespace: string; readonly image: string; readonly operatorNamespace: string };

/** A PostgreSQL for trying things out, on a volume that goes with its pod. */
export class TrialLedger extends Construct {
  constructor(scope: Construct, id: string, { namespace, image, operatorNamespace }: TrialLedgerProps) {
    super(scope, id);
    const metadata = { name, namespace, labels: labelsOf(name) };
    new k8s.KubeSecret(this, 'password', { metadata, type: 'Opaque', stringData: { password } });
    new k8s.KubeSecret(this, 'url', {
      metadata: { ...metadata, name: ledgerRef.name },
      type: 'Opaque',
      stringData: { [ledgerRef.key]: trialLedgerUrl(namespace) },
    });
    new k8s.KubeService(this, 'service', {
      metadata,
      spec: {
        type: 'ClusterIP',
        selector: selectorOf(name),
        ports: [{ name: 'postgres', port, targetPort: k8s.IntOrString.fromString('postgres'), protocol: 'TCP' }],
      },
    });
    deploy(this, {
      name,
      namespace,
      image,
      role: 'ledger',
      replicas: 1,
      strategy: { type: 'Recreate' },
      token: 'none',
      env: [env('TRUNKLINE_LEDGER_PASSWORD_FILE', `${secretsDirectory}/password`)],
      port: { name: 'postgres', number: port },
      probes: {
        startup: tcpProbe('postgres', { periodSeconds: 1, failureThreshold: 120 }),
        readiness: tcpProbe('postgres', { periodSeconds: 5, failureThreshold: 2 }),
        liveness: tcpProbe('postgres', { periodSeconds: 10, failureThreshold: 6 }),
      },
      resources: { cpu: '100m', memory: '256Mi', memoryLimit: '1Gi' },
      mounts: [
        { name: 'data', path: '/var/lib/trunkline', source: { emptyDir: { sizeLimit: k8s.Quantity.fromString('4Gi') } } },
        { name: 'password', path: secretsDirectory, source: secretFiles(name, { password: 'password' }) },
      ],
    });
    new k8s.KubeNetworkPolicy(this, 'network-policy', {
      metadata,
      spec: {
        podSelector: { matchLabels: selectorOf(name) },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [
          {
            from: [
              { podSelector: { matchLabels: selectorOf('trunkline-worker') } },
              {
                namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': operatorNamespace } },
                podSelector: { matchLabels: selectorOf(operatorName) },
              },
            ],
            ports: [{ port: k8s.IntOrString.fromNumber(port), protocol: 'TCP' }],
          },
        ],
      },
    });
  }
}
