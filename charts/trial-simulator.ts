import { createHash } from 'node:crypto';
import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { stringify } from 'yaml';
import { intakeToken, intakeUrl, type TrialPool } from './trial-pool.ts';
import { deploy, env, labelsOf, secretFiles, selectorOf, tcpProbe } from './workload.ts';

const name = 'trunkline-simulator';
const port = 8_080;
const poolDirectory = '/etc/trunkline';
const secretsDirectory = '/var/run/trunkline/secrets';
const intakeDirectory = '/var/run/trunkline/intake';
const toWorkers = { podSelector: { matchLabels: selectorOf('trunkline-worker') } };

/** Where workers reach the simulated provider. */
export const simulatorUrl = (namespace: string) => `http://${name}.${namespace}.svc`;

export type TrialSimulatorProps = { readonly namespace: string; readonly image: string; readonly trial: TrialPool };

/** The simulated provider, and the people on the phone: they begin to call, and leads come in, when the pool's workers answer. */
export class TrialSimulator extends Construct {
  constructor(scope: Construct, id: string, { namespace, image, trial: { pool, providerSecrets } }: TrialSimulatorProps) {
    super(scope, id);
    const metadata = { name, namespace, labels: labelsOf(name) };
    const manifest = stringify(
      { apiVersion: 'trunkline.dev/v1alpha1', kind: 'VoiceCapacityPool', ...pool },
      { aliasDuplicateObjects: false },
    );
    new k8s.KubeConfigMap(this, 'pool', { metadata, data: { 'pool.yaml': manifest } });
    new k8s.KubeSecret(this, 'token', { metadata, type: 'Opaque', stringData: { token: intakeToken } });
    new k8s.KubeService(this, 'service', {
      metadata,
      spec: {
        type: 'ClusterIP',
        selector: selectorOf(name),
        ports: [{ name: 'http', port: 80, targetPort: k8s.IntOrString.fromString('http'), protocol: 'TCP' }],
      },
    });
    deploy(this, {
      name,
      namespace,
      image,
      role: 'simulator',
      replicas: 1,
      strategy: { type: 'Recreate' },
      token: 'none',
      env: [
        env('TRUNKLINE_POOL_FILE', `${poolDirectory}/pool.yaml`),
        env('TRUNKLINE_SECRETS', secretsDirectory),
        env('TRUNKLINE_SIMULATOR_URL', simulatorUrl(namespace)),
        env('TRUNKLINE_INTAKE_URL', intakeUrl(namespace)),
        env('TRUNKLINE_INTAKE_TOKEN_FILE', `${intakeDirectory}/token`),
      ],
      port: { name: 'http', number: port },
      probes: {
        startup: tcpProbe('http', { periodSeconds: 1, failureThreshold: 60 }),
        readiness: tcpProbe('http', { periodSeconds: 5, failureThreshold: 2 }),
        liveness: tcpProbe('http', { periodSeconds: 10, failureThreshold: 6 }),
      },
      resources: { cpu: '100m', memory: '192Mi', memoryLimit: '512Mi' },
      mounts: [
        { name: 'pool', path: poolDirectory, source: { configMap: { name } } },
        { name: 'secrets', path: secretsDirectory, source: projected(providerSecrets) },
        { name: 'intake', path: intakeDirectory, source: secretFiles(name, { token: 'token' }) },
      ],
      // It reads the pool once.
      annotations: { 'trunkline.dev/pool-digest': createHash('sha256').update(manifest).digest('hex').slice(0, 16) },
    });
    new k8s.KubeNetworkPolicy(this, 'network-policy', {
      metadata,
      spec: {
        podSelector: { matchLabels: selectorOf(name) },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from: [toWorkers], ports: [{ port: k8s.IntOrString.fromNumber(port), protocol: 'TCP' }] }],
        egress: [{ to: [toWorkers] }, { ports: ['UDP', 'TCP'].map((protocol) => ({ port: k8s.IntOrString.fromNumber(53), protocol })) }],
      },
    });
  }
}

/** All Secrets in one volume, `<name>/<key>`. */
function projected(secrets: TrialPool['providerSecrets']): Omit<k8s.Volume, 'name'> {
  const sources = [...secrets].map(([secret, values]) => ({
    secret: { name: secret, items: Object.keys(values).map((key) => ({ key, path: `${secret}/${key}` })) },
  }));
  return { projected: { defaultMode: 0o440, sources } };
}
