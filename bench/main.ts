import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { startPostgres } from '../standalone/embedded-postgres.ts';
import { admissions } from './admissions.ts';
import { claimLatency } from './claim-latency.ts';
import { dialLatency } from './dial-latency.ts';
import { type Bench, type Figure, reached, type Scale } from './figure.ts';
import { footprint } from './footprint.ts';
import { importing } from './import.ts';
import { tableOf } from './table.ts';

/**
 * `npm run bench [-- name…]`: the figures that docs/performance.md promises, on the embedded PostgreSQL with durable commits, each beside plain SQL in
 * the same run. A figure that is missed is shown as such and is no failure: machines differ, and a bench judges nobody.
 */
const benches: Readonly<Record<string, Bench>> = {
  admissions,
  'claim-latency': claimLatency,
  'dial-latency': dialLatency,
  import: importing,
  footprint,
};

type Flags = { readonly json?: true; readonly tiny?: true };

async function run(names: readonly string[], flags: Flags, command: Command): Promise<void> {
  const unknown = names.filter((name) => benches[name] === undefined);
  if (unknown.length > 0) command.error(`error: no bench is called ${unknown.join(', ')}: use ${Object.keys(benches).join(', ')}`);
  const figures = await measure(names.length === 0 ? Object.keys(benches) : names, flags.tiny ? 'tiny' : 'full');
  const results = {
    at: new Date().toISOString(),
    node: process.version,
    cores: availableParallelism(),
    scale: flags.tiny ? 'tiny' : 'full',
    figures: figures.map((figure) => ({ ...figure, reached: reached(figure) })),
  };
  const directory = fileURLToPath(new URL('results/', import.meta.url));
  await mkdir(directory, { recursive: true });
  if (!flags.tiny) await writeFile(join(directory, 'latest.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  process.stdout.write(flags.json ? `${JSON.stringify(results)}\n` : `${tableOf(figures)}\n`);
}

async function measure(names: readonly string[], scale: Scale): Promise<readonly Figure[]> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  // Not os.tmpdir(): PostgreSQL runs as another user when we are root, and must reach its directory.
  const directory = await mkdtemp('/tmp/trunkline-bench-');
  await chmod(directory, 0o711);
  const server = await startPostgres({ directory: join(directory, 'postgres'), log: () => undefined });
  try {
    const runOne = async (name: string): Promise<readonly Figure[]> => {
      const startedMs = performance.now();
      const figures = (await benches[name]?.({ scale, postgresUrl: server.url, directory, say })) ?? [];
      say(`${name}: ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
      return figures;
    };
    // What measures nothing need not wait its turn.
    if (scale === 'tiny') return (await Promise.all(names.map(runOne))).flat();
    const figures: Figure[] = [];
    for (const name of names) figures.push(...(await runOne(name)));
    return figures;
  } finally {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

// The exit handlers of what was started take it down; without these, a signal would skip them.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

await new Command('bench')
  .description('measure what docs/performance.md promises')
  .argument('[names...]', `any of ${Object.keys(benches).join(', ')}; all unless named`)
  .option('--json', 'one JSON object on stdout')
  .addOption(new Option('--tiny', 'only show that the benches work: nothing is kept').default(undefined))
  .action(run)
  .parseAsync();
