import { ApiObject, type ApiObjectMetadata } from 'cdk8s';
import type { Construct } from 'constructs';
import type { z } from 'zod';
import { compilePolicy } from '../capacity/policy/compile.ts';
import { type FieldProblem, parseExplained } from '../crds/messages.ts';
import { poolManifest, type poolSpec } from '../crds/pool.ts';
import { pathText } from '../crds/rules.ts';
import { type PropsProblem, PropsRefused } from './refused.ts';

type Spec = z.input<typeof poolSpec>;

/** What a pool in a cluster declares: everything of a pool, and where its ledger is. */
export type VoiceCapacityPoolSpec = Spec & { readonly ledger: NonNullable<Spec['ledger']> };

export type VoiceCapacityPoolProps = {
  /** The pool's name is what its queue and its ledger go by, so it is said and never generated. */
  readonly metadata: ApiObjectMetadata & { readonly name: string };
  readonly spec: VoiceCapacityPoolSpec;
};

/**
 * A pool in a team's own cdk8s app. It is judged when it is made, by everything that `trunkline validate` knows: a class without a project that has its
 * assistant is an error in the app and not a condition in the cluster.
 *
 * ```ts
 * new VoiceCapacityPool(chart, 'sales', { metadata: { name: 'sales' }, spec: { ledger: { secretRef: { name: 'ledger', key: 'url' } }, … } });
 * ```
 */
export class VoiceCapacityPool extends ApiObject {
  /** What works, and is probably not meant: the same that `trunkline validate` warns of. */
  readonly warnings: readonly PropsProblem[];

  /** @throws PropsRefused naming every field that is wrong */
  constructor(scope: Construct, id: string, { metadata, spec }: VoiceCapacityPoolProps) {
    const manifest = { apiVersion: 'trunkline.dev/v1alpha1', kind: 'VoiceCapacityPool', metadata, spec };
    const warnings = judge(manifest);
    // As the team wrote it, so that what it left open is decided by the release that runs; and a copy, so that it stays what was judged.
    super(scope, id, { ...manifest, spec: structuredClone(spec) });
    this.warnings = warnings;
  }
}

/** Returns what there is to warn of. */
function judge(pool: Pick<VoiceCapacityPoolProps, 'metadata' | 'spec'>): readonly PropsProblem[] {
  const construct = `VoiceCapacityPool ${pool.metadata?.name ?? 'without a name'}`;
  const parsed = parseExplained(poolManifest, pool);
  if (!parsed.ok) throw new PropsRefused(construct, parsed.problems.map(told));
  const { problems, warnings } = compilePolicy(parsed.value);
  if (problems.length > 0) throw new PropsRefused(construct, problems.map(told));
  if (parsed.value.spec.ledger === undefined)
    throw new PropsRefused(construct, [
      { field: 'spec.ledger', message: 'is required in a cluster: the Secret with the URL of the database' },
    ]);
  return warnings.map(told);
}

const told = ({ path, message }: Pick<FieldProblem, 'path' | 'message'>): PropsProblem => ({ field: pathText(path), message });
