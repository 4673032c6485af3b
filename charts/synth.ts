import { App, type Chart } from 'cdk8s';
import { PoolDefinition } from './definition.ts';
import { ownImage } from './image.ts';
import { Installation, type InstallationProps } from './installation.ts';
import { Monitoring, type MonitoringKind } from './monitoring.ts';
import { PropsRefused } from './refused.ts';
import { Trial } from './trial.ts';
import { trialLedgerUrl } from './trial-ledger.ts';

/** What `npm run synth` is asked for. */
export type SynthOptions = Omit<InstallationProps, 'ledger'> & {
  /** Absent: the trial's ledger, and the trial is written as well. */
  readonly ledgerSecretRef?: { readonly name: string; readonly key: string };
  readonly monitoring?: MonitoringKind;
};

export type SynthFile = { readonly path: `${(typeof folders)[number]}/${string}`; readonly text: string };

/** In the order in which they are applied. */
export const folders = ['00-crd', '10-install', '20-trial', '90-monitoring'] as const;

const trialNamespace = 'trunkline-trial';

/**
 * The manifests, folder by folder in the order in which they are applied. The same for the same options: nothing in them is random, dated or read from the
 * cluster.
 * @throws PropsRefused
 */
export function synthesise({ ledgerSecretRef, monitoring = 'Prometheus', ...options }: SynthOptions): readonly SynthFile[] {
  const { image = ownImage(), namespace = 'trunkline-system', namespaces } = options;
  if (ledgerSecretRef === undefined && namespaces !== undefined) throw new PropsRefused('The installation', [trialElsewhere]);
  const ledger = ledgerSecretRef === undefined ? { url: trialLedgerUrl(trialNamespace) } : { secretRef: ledgerSecretRef };
  const trial = { namespace: trialNamespace, image, operatorNamespace: namespace };
  return [
    file('00-crd/voicecapacitypools.yaml', (app) => new PoolDefinition(app, 'crd')),
    file('10-install/trunkline.yaml', (app) => new Installation(app, 'install', { ...options, ledger })),
    ...('url' in ledger ? [file('20-trial/trial.yaml', (app) => new Trial(app, 'trial', trial))] : []),
    file('90-monitoring/trunkline.yaml', (app) => new Monitoring(app, 'monitoring', { kind: monitoring, namespace, namespaces })),
  ];
}

const trialElsewhere = {
  field: 'namespaces',
  message: 'goes with ledgerSecretRef: the trial is in a namespace of its own, which it is no part of',
};

function file(path: SynthFile['path'], chart: (app: App) => Chart): SynthFile {
  const app = new App({ recordConstructMetadata: false });
  chart(app);
  return { path, text: app.synthYaml() };
}
