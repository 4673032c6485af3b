import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { MonitoringKind } from './monitoring.ts';
import type { PoolRoles } from './pool-roles.ts';
import { PropsRefused } from './refused.ts';
import { folders, type SynthOptions, synthesise } from './synth.ts';

/** `npm run synth`: writes the manifests to `dist/`, to be applied in the order of its folders. */

const listed = (text: string) => text.split(',').map((entry) => entry.trim());

function secretRef(text: string) {
  const [name, key, ...more] = text.split('/');
  if (name === undefined || key === undefined || name === '' || key === '' || more.length > 0)
    throw new InvalidArgumentError('write NAME/KEY, such as trunkline-ledger/url.');
  return { name, key };
}

type Flags = SynthOptions & { readonly out: string; readonly poolRoles: PoolRoles; readonly monitoring: MonitoringKind };

new Command('npm run synth --')
  .description('writes manifests for kubectl apply --server-side')
  .option('--image <image>', 'of the operator, and of workers of pools that name none (default: trunkline:<version>)')
  .option('--namespace <name>', "the operator's (default: trunkline-system)")
  .option('--namespaces <names>', 'look after pools of these only, separated by commas; they must be there (default: all)', listed)
  .option('--worker-images <images>', 'repositories that pools may name images of, separated by commas (default: that of --image)', listed)
  .option(
    '--ledger-secret-ref <name/key>',
    "Secret in the operator's namespace with the URL of a database (default: the trial's ledger)",
    secretRef,
  )
  .addOption(
    new Option('--pool-roles <how>', 'Aggregated: who may edit a namespace may edit its pools')
      .choices(['Separate', 'Aggregated'])
      .default('Separate'),
  )
  .addOption(
    new Option('--monitoring <kind>', 'what 90-monitoring is for').choices(['Prometheus', 'PrometheusOperator']).default('Prometheus'),
  )
  .option('--out <directory>', 'where to write', fileURLToPath(new URL('../dist', import.meta.url)))
  .action(({ out, ...options }: Flags) => write(out, options))
  .parse();

function write(out: string, options: SynthOptions): void {
  try {
    const files = synthesise(options);
    // What an earlier run wrote for other options must not be applied with these.
    for (const folder of folders) rmSync(join(out, folder), { recursive: true, force: true });
    for (const { path, text } of files) {
      mkdirSync(join(out, dirname(path)), { recursive: true });
      writeFileSync(join(out, path), text);
      process.stdout.write(`${join(out, path)}\n`);
    }
  } catch (error) {
    if (!(error instanceof PropsRefused)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
