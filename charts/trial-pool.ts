import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { poolSpec } from '../crds/pool.ts';
import { secretsOf } from '../crds/secrets.ts';
import { ledgerRef } from './trial-ledger.ts';
import type { VoiceCapacityPoolProps } from './voice-capacity-pool.ts';

/** The pool of `npm start` as one for a cluster, and the secrets that it names, with values that anybody may know: they open a simulated provider. */

const sample = new URL('../crds/samples/trial.yaml', import.meta.url);
/** A sound spec as it was written, without its defaults. */
const written = z.object({ spec: z.custom<z.input<typeof poolSpec>>((spec) => poolSpec.safeParse(spec).success) });

export const poolName = 'trial';
/** What the simulator hands in leads with. */
export const intakeToken = 'tl_trial';
const tokensRef = { name: 'trial-intake', key: 'tokens' };

/** The workers' Service, which the operator makes. */
export const intakeUrl = (namespace: string) => `http://${poolName}-vcp.${namespace}.svc`;

export type TrialPool = {
  readonly pool: VoiceCapacityPoolProps;
  /** Secrets of the provider's side, which the simulator knows too: values by key, by name. */
  readonly providerSecrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly intakeSecret: { readonly name: string; readonly values: Readonly<Record<string, string>> };
};

export function trialPool(namespace: string, simulatorUrl: string): TrialPool {
  const { spec } = written.parse(parse(readFileSync(sample, 'utf8')));
  const subscriptions = spec.subscriptions.map((subscription) => ({
    ...subscription,
    projects: subscription.projects.map((project) => ({ ...project, baseUrl: simulatorUrl })),
  }));
  return {
    pool: {
      metadata: { name: poolName, namespace },
      spec: {
        ...spec,
        publicUrl: intakeUrl(namespace),
        intake: { tokensSecretRef: tokensRef },
        ledger: { secretRef: ledgerRef },
        subscriptions,
      },
    },
    providerSecrets: madeUp(poolSpec.parse(spec)),
    intakeSecret: { name: tokensRef.name, values: { [tokensRef.key]: `${createHash('sha256').update(intakeToken).digest('hex')}\n` } },
  };
}

/** A value for every key, the same each time. */
function madeUp(spec: z.output<typeof poolSpec>): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const secrets = new Map<string, Record<string, string>>();
  for (const { ref } of secretsOf(spec)) secrets.set(ref.name, { ...secrets.get(ref.name), [ref.key]: `trial-${ref.name}-${ref.key}` });
  return secrets;
}
