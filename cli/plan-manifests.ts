import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { z } from 'zod';
import { poolKey } from '../crds/values.ts';
import { type Child, planChildren } from '../operator/pool/plan/children.ts';
import { type Declaration, PoolRefused, readDeclaration } from '../standalone/declaration.ts';
import { exitCode } from './exit-codes.ts';

type Flags = { readonly namespace?: string; readonly image?: string; readonly clusterUid: string; readonly json?: true };

const packageFile = z.object({ version: z.string() });

const afterHelp = `
What only a cluster knows is left out: the owner reference, and the number of workers, which follows the load.

Examples:
  trunkline plan-manifests pool.yaml
  trunkline plan-manifests pool.yaml --image registry.example.com/trunkline:1.2.3 --namespace voice
  trunkline plan-manifests pool.yaml --cluster-uid "$(kubectl get namespace kube-system -o jsonpath={.metadata.uid})" --json

Exit status: 0 planned, 1 the manifest is refused or cannot be read, 2 wrong usage.
`;

/** `trunkline plan-manifests POOL.yaml`: prints the objects that make the pool's fleet in a cluster, and changes nothing. */
export function planManifestsCommand(): Command {
  return new Command('plan-manifests')
    .description("print the objects that make a pool's fleet in a Kubernetes cluster")
    .argument('<pool.yaml>', 'manifest of the pool')
    .option('--namespace <name>', 'namespace of the pool (default: the one in the manifest, or default)')
    .option('--image <image>', 'image of the workers where the pool names none (default: this release)')
    .option('--cluster-uid <uid>', 'uid of the namespace kube-system, which pools of a ledger are told apart by', 'cluster-uid')
    .option('--json', 'one JSON array instead of YAML documents')
    .addHelpText('after', afterHelp)
    .action(async (file: string, flags: Flags) => {
      const declaration = await readDeclaration(file).catch((error: unknown) => {
        if (!(error instanceof PoolRefused)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exitCode = exitCode.negative;
      });
      if (declaration === undefined) return;
      for (const { text } of declaration.warnings) process.stderr.write(`warning: ${text}\n`);
      const children = planned(declaration, flags);
      if ('refused' in children) {
        process.stderr.write(`${file}: ${children.refused}\n`);
        process.exitCode = exitCode.negative;
        return;
      }
      process.stdout.write(flags.json === true ? `${JSON.stringify(children)}\n` : asYaml(children));
    });
}

function planned({ manifest: { metadata, spec } }: Declaration, flags: Flags): readonly Child[] | { readonly refused: string } {
  if (spec.ledger === undefined)
    return { refused: 'spec.ledger is needed in a cluster: name the Secret that holds the URL of its database' };
  const { name } = metadata;
  const namespace = flags.namespace ?? metadata.namespace ?? 'default';
  const image = spec.workers.image ?? flags.image ?? `trunkline:${release()}`;
  const key = poolKey.safeParse(`${flags.clusterUid}/${namespace}/${name}`);
  if (!key.success) return { refused: 'namespace or uid of the cluster is none: both have lower-case letters, digits and hyphens' };
  return planChildren({
    pool: { name, namespace, uid: undefined },
    spec,
    poolKey: key.data,
    image,
    replicas: undefined,
  });
}

function release(): string {
  return packageFile.parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))).version;
}

/** kubectl reads YAML 1.1, which takes more words for truth values than 1.2. */
function asYaml(children: readonly Child[]): string {
  return children.map((child) => `---\n${stringify(child, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })}`).join('');
}
