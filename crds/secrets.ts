import type { PoolSpec } from './pool.ts';
import type { ProjectName, SecretRef } from './values.ts';

/** A secret that a pool names, the field that names it, and the project whose it is, if it is one project's. */
export type NamedSecret = { readonly field: string; readonly ref: SecretRef; readonly project?: ProjectName };

/** Every secret that the workers of a pool read. The ledger's is not among them: it says where everything else is. */
export function secretsOf(spec: PoolSpec): readonly NamedSecret[] {
  const found: NamedSecret[] = [];
  const add = (field: string, ref: SecretRef | undefined) => {
    if (ref !== undefined) found.push({ field, ref });
  };
  for (const subscription of spec.subscriptions) {
    for (const { name: project, apiKeySecretRef, webhookSecretRef } of subscription.projects) {
      const at = `spec.subscriptions[${subscription.name}].projects[${project}]`;
      found.push({ field: `${at}.apiKeySecretRef`, ref: apiKeySecretRef, project });
      if (webhookSecretRef !== undefined) found.push({ field: `${at}.webhookSecretRef`, ref: webhookSecretRef, project });
    }
  }
  if (spec.handler !== undefined && 'secretRef' in spec.handler) add('spec.handler.secretRef', spec.handler.secretRef);
  add('spec.results.secretRef', spec.results?.secretRef);
  add('spec.intake.tokensSecretRef', spec.intake.tokensSecretRef);
  return found;
}
