import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { startPostgres } from '../standalone/embedded-postgres.ts';
import { admissions } from './admissions.ts';
import { claimLatency } from './claim-latency.ts';
import { dialLatency } from './dial-latency.ts';
import type { Bench, Scale, Setting } from './figure.ts';
import { footprint } from './footprint.ts';
import { queueGrowth } from './growth/queue.ts';
import { shapeGrowth } from './growth/shape.ts';
import { importing } from './import.ts';
import { intake } from './intake.ts';
import { writePage } from './page.ts';
import { type BenchResult, keep, resultOf } from './results.ts';
import { rounds } from './rounds.ts';
import { sideBySide } from './side-by-side/bench.ts';
import { tableOf } from './table.ts';

/**
 * `npm run bench [-- name…]`: the figures that docs/performance.md promises, on the embedded PostgreSQL with durable commits, each beside plain SQL or
 * others in the same run. A figure that is missed is shown as such and is no failure: machines differ, and a bench judges nobody.
 */
const benches: Readonly<Record<string, Bench>> = {
  admissions,
  rounds,
  'claim-latency': claimLatency,
  'dial-latency': dialLatency,
  intake,
  import: importing,
  footprint,
  'growth-queue': queueGrowth,
  'growth-shape': shapeGrowth,
  'side-by-side': sideBySide,
};

type Flags = { readonly json?: true; readonly tiny?: true; readonly large?: true };

/** How many benches run at once when nothing is measured. */
const tinyAtOnce = 3;

async function run(names: readonly string[], flags: Flags, command: Command): Promise<void> {
  const unknown = names.filter((name) => benches[name] === undefined);
  if (unknown.length > 0) command.error(`error: no bench is called ${unknown.join(', ')}: use ${Object.keys(benches).join(', ')}`);
  const scale: Scale = flags.tiny ? 'tiny' : flags.large ? 'large' : 'full';
  const startedMs = performance.now();
  const taken = await measure(names.length === 0 ? Object.keys(benches) : names, scale);
  const figures = Object.values(taken).flatMap((result) => result.figures);
  process.stdout.write(flags.json ? `${JSON.stringify({ scale, benches: taken })}\n` : `${tableOf(figures)}\n`);
  say(`all: ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
}

/** Runs these benches; whatever one of them gave is kept, even if another fails after it. */
async function measure(names: readonly string[], scale: Scale): Promise<Readonly<Record<string, BenchResult>>> {
  // Not os.tmpdir(): PostgreSQL runs as another user when we are root, and must reach its directory.
  const directory = await mkdtemp('/tmp/trunkline-bench-');
  await chmod(directory, 0o711);
  const server = await startPostgres({ directory: join(directory, 'postgres'), log: () => undefined });
  const setting: Setting = { scale, postgresUrl: server.url, directory, say };
  const taken: Record<string, BenchResult> = {};
  const waiting = [...names];
  async function takeTurns(): Promise<void> {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const result = await runOne(name, setting);
      if (result === undefined) continue;
      taken[name] = result;
      if (scale !== 'tiny') await writePage(await keep({ [name]: result }, Object.keys(benches)));
    }
  }
  try {
    await Promise.all(Array.from({ length: scale === 'tiny' ? tinyAtOnce : 1 }, takeTurns));
    return taken;
  } finally {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function runOne(name: string, setting: Setting): Promise<BenchResult | undefined> {
  const startedMs = performance.now();
  const [load = 0] = loadavg();
  const seconds = () => (performance.now() - startedMs) / 1_000;
  try {
    const figures = (await benches[name]?.(setting)) ?? [];
    say(`${name}: ${seconds().toFixed(1)} s`);
    return resultOf(figures, { seconds: seconds(), load });
  } catch (error) {
    say(`${name} failed after ${seconds().toFixed(1)} s: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
    process.exitCode = 1;
    return undefined;
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

// The exit handlers of what was started take it down; without these, a signal would skip them.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
// What the dispatcher's threads and the workers have to say is no news here.
process.env['TRUNKLINE_LOG_LEVEL'] ??= 'warn';

await new Command('bench')
  .description('measure what docs/performance.md promises, and write docs/benchmarks.md')
  .argument('[names...]', `any of ${Object.keys(benches).join(', ')}; all unless named`)
  .option('--json', 'one JSON object on stdout')
  .option('--large', 'go to ten million queued sessions; takes many minutes more')
  .addOption(new Option('--tiny', 'only show that the benches work: nothing is kept').default(undefined))
  .action(run)
  .parseAsync();
