import { Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { TrialLedger } from './trial-ledger.ts';
import { trialPool } from './trial-pool.ts';
import { simulatorUrl, TrialSimulator } from './trial-simulator.ts';
import { VoiceCapacityPool } from './voice-capacity-pool.ts';
import { labelsOf, restrictedNamespace } from './workload.ts';

export type TrialProps = {
  readonly namespace: string;
  readonly image: string;
  /** Where the operator is that is to reach the trial's ledger. */
  readonly operatorNamespace: string;
};

/** A pool to look at without a provider, a database or a key: everything that it needs is simulated beside it, and goes with its namespace. */
export class Trial extends Chart {
  constructor(scope: Construct, id: string, { namespace, image, operatorNamespace }: TrialProps) {
    super(scope, id);
    const trial = trialPool(namespace, simulatorUrl(namespace));
    restrictedNamespace(this, namespace);
    for (const [name, values] of [...trial.providerSecrets, [trial.intakeSecret.name, trial.intakeSecret.values] as const]) {
      const metadata = { name, namespace, labels: labelsOf('trunkline-trial') };
      new k8s.KubeSecret(this, `secret-${name}`, { metadata, type: 'Opaque', stringData: { ...values } });
    }
    new TrialLedger(this, 'ledger', { namespace, image, operatorNamespace });
    new VoiceCapacityPool(this, 'pool', trial.pool);
    new TrialSimulator(this, 'simulator', { namespace, image, trial });
  }
}
