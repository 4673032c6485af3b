import { Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { z } from 'zod';
import { parseExplained } from '../crds/messages.ts';
import { pathText } from '../crds/rules.ts';
import { secretRef } from '../crds/values.ts';
import { fixedImage, imagePattern, ownImage, repositoryOf } from './image.ts';
import { addOperator, operatorName } from './operator.ts';
import { grantAccess } from './operator-access.ts';
import { addPoolRoles, type PoolRoles } from './pool-roles.ts';
import { PropsRefused } from './refused.ts';
import { restrictWorkerImages } from './worker-images.ts';
import { labelsOf, restrictedNamespace } from './workload.ts';

/** Where the operator's ledger is: in a Secret of its namespace that you make; or the URL itself, which anybody reads who sees the manifests. */
export type OperatorLedger = { readonly secretRef: { readonly name: string; readonly key: string } } | { readonly url: string };

export type InstallationProps = {
  /** The database of all pools of this installation. */
  readonly ledger: OperatorLedger;
  /** Image of the operator, and of the workers of pools that name none. Default: `trunkline:<version of this package>`. */
  readonly image?: string;
  /** The operator's namespace, which the chart makes. Default: `trunkline-system`. */
  readonly namespace?: string;
  /** Namespaces whose pools are looked after; they must be there. The operator gets Roles in them. Default: all, by a ClusterRole. */
  readonly namespaces?: readonly string[];
  /** Images that pools may name for their workers: a repository without tag, or a folder that ends in `/`. Default: the repository of `image`. */
  readonly workerImages?: readonly string[];
  /** Whether the roles for pools are granted with `view` and `edit`. Default: `Separate`, they are not. */
  readonly poolRoles?: PoolRoles;
};

/** As Kubernetes names namespaces. */
const namespaceName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be the name of a namespace');

const installation = z.strictObject({
  ledger: z.union([
    z.strictObject({ secretRef }),
    z.strictObject({ url: z.string().regex(/^postgres(ql)?:\/\/./, 'must be a URL that begins with postgres://') }),
  ]),
  image: fixedImage.optional(),
  namespace: namespaceName.default('trunkline-system'),
  namespaces: z
    .array(namespaceName)
    .min(1)
    .max(100)
    .refine((names) => new Set(names).size === names.length, 'names a namespace twice')
    .readonly()
    .optional(),
  workerImages: z.array(imagePattern).min(1).max(50).readonly().optional(),
  poolRoles: z.enum(['Separate', 'Aggregated']).default('Separate'),
});

const ownSecret = { name: `${operatorName}-ledger`, key: 'url' };

/** The operator and everything that it needs but its ledger. What a pool is has to be known to the cluster before it starts: see `PoolDefinition`. */
export class Installation extends Chart {
  /** @throws PropsRefused naming the property that is wrong */
  constructor(scope: Construct, id: string, props: InstallationProps) {
    const parsed = parseExplained(installation, props);
    if (!parsed.ok)
      throw new PropsRefused(
        'Installation',
        parsed.problems.map(({ path, message }) => ({ field: pathText(path), message })),
      );
    const { ledger, image = ownImage(), namespace, namespaces, workerImages, poolRoles } = parsed.value;
    super(scope, id);
    restrictedNamespace(this, namespace);
    if ('url' in ledger) {
      const metadata = { name: ownSecret.name, namespace, labels: labelsOf(operatorName) };
      new k8s.KubeSecret(this, 'ledger', { metadata, type: 'Opaque', stringData: { [ownSecret.key]: ledger.url } });
    }
    grantAccess(this, { name: operatorName, namespace }, namespaces);
    addPoolRoles(this, namespace, poolRoles);
    restrictWorkerImages(this, { installation: namespace, namespaces, allowed: workerImages ?? [repositoryOf(image)] });
    addOperator(this, { namespace, image, namespaces, ledgerSecret: 'url' in ledger ? ownSecret : ledger.secretRef });
  }
}
