import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { z } from 'zod';
import { startPostgres } from '../../standalone/embedded-postgres.ts';
import { inventSecrets } from '../../standalone/secrets.ts';
import { runPool } from '../running-pool.ts';
import { connect } from '../stage.ts';
import { longRunPool, longRunScenario } from './pool.ts';
import { type Reading, read } from './readings.ts';
import { flatnessOf, tableOf } from './report.ts';

/**
 * `npm run long-run [-- --minutes 30 --rate 50]`: a pool under a steady stream of calls, and whether anything grows. With `--ramp`, the highest rate
 * that this machine holds, all parts and the simulated provider on it.
 */

const speed = 20;
const rampRates = [25, 50, 75, 100, 125, 150, 200, 250, 300] as const;
/** A rate is held when what comes is sent at once: the queue is empty but for the last second's. */
const heldShare = 0.97;

type Flags = { readonly minutes: string; readonly rate: string; readonly every: string; readonly ramp?: true; readonly json?: true };

const summary = z.looseObject({ lost: z.number(), duplicateDials: z.number(), live: z.number(), violations: z.array(z.string()) });

async function steady(
  rate: number,
  seconds: number,
  everyMs: number,
): Promise<{ readonly readings: readonly Reading[]; readonly summary: z.infer<typeof summary> }> {
  // Not os.tmpdir(): PostgreSQL runs as another user when we are root, and must reach its directory.
  const directory = await mkdtemp('/tmp/trunkline-long-run-');
  await chmod(directory, 0o711);
  await using resources = new AsyncDisposableStack();
  resources.defer(() => rm(directory, { recursive: true, force: true }));
  const server = await startPostgres({ directory: join(directory, 'postgres'), log: () => undefined });
  resources.defer(() => server.stop());
  const { pool, secrets, scenario } = await writeFiles(directory, server.url, rate, seconds);
  const args = [`--simulate=${scenario}`, '--speed', String(speed), '--secrets', secrets, '--workers', '2', '--for', `${seconds}s`];
  const running = await runPool({ scale: 'full', postgresUrl: server.url, directory, say }, { pool, args }, resources);
  const connection = await connect(server.url, 'long run');
  resources.defer(() => connection.end());
  await connection.query('set search_path = trunkline');
  const startedMs = performance.now();
  const readings: Reading[] = [];
  while (performance.now() - startedMs + everyMs < seconds * 1_000) {
    await sleep(everyMs);
    const reading = await read(connection, running.pid, startedMs, everyMs);
    readings.push(reading);
    say(lineOf(reading));
  }
  return { readings, summary: summary.parse(await running.summary()) };
}

async function writeFiles(directory: string, ledgerUrl: string, rate: number, seconds: number) {
  const [pool, scenario, secrets] = [join(directory, 'pool.yaml'), join(directory, 'scenario.yaml'), join(directory, 'secrets')];
  await mkdir(join(secrets, 'ledger'), { recursive: true });
  await writeFile(join(secrets, 'ledger', 'url'), ledgerUrl, { mode: 0o600 });
  const manifest = longRunPool(rate);
  await inventSecrets(manifest.spec, secrets);
  // JSON is YAML.
  await writeFile(pool, JSON.stringify(manifest));
  await writeFile(scenario, JSON.stringify(longRunScenario(rate, seconds, speed)));
  return { pool, scenario, secrets };
}

async function run(flags: Flags): Promise<void> {
  const everyMs = Number(flags.every) * 1_000;
  const results = flags.ramp ? await ramp() : await long(Number(flags.rate), Number(flags.minutes) * 60, everyMs);
  const directory = fileURLToPath(new URL('../results/', import.meta.url));
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, flags.ramp ? 'ramp.json' : 'long-run.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  process.stdout.write(flags.json ? `${JSON.stringify(results)}\n` : `${results.table}\n`);
}

async function long(rate: number, seconds: number, everyMs: number) {
  const { readings, summary: said } = await steady(rate, seconds, everyMs);
  const flatness = flatnessOf(readings);
  const verdict = `lost ${said.lost}, dialled twice ${said.duplicateDials}, live at the end ${said.live}, violations ${said.violations.length}`;
  return { at: new Date().toISOString(), rate, seconds, verdict, flatness, readings, table: `${tableOf(flatness)}\n\n${verdict}` };
}

async function ramp() {
  const steps: { readonly rate: number; readonly held: boolean; readonly last: Reading }[] = [];
  for (const rate of rampRates) {
    const { readings } = await steady(rate, 45, 10_000);
    const last = readings.at(-1);
    if (last === undefined) throw new Error('the run was too short for a reading');
    const held = last.callsPerSecond >= rate * heldShare && last.queued <= rate;
    steps.push({ rate, held, last });
    say(`${rate}/s: ${held ? 'held' : 'not held'}`);
    if (!held) break;
  }
  const highest = steps.filter(({ held }) => held).at(-1)?.rate ?? 0;
  const rows = steps.map(
    ({ rate, held, last }) =>
      `| ${rate}/s | ${last.callsPerSecond.toFixed(1)}/s | ${last.waitMs.p50.toFixed(1)} / ${last.waitMs.p99.toFixed(0)} ms | ${last.queued} | ${held ? 'held' : 'not held'} |`,
  );
  const table = ['| offered | sent | wait p50 / p99 | queued | |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
  return { at: new Date().toISOString(), highest, steps, table };
}

function lineOf({
  atSeconds,
  callsPerSecond,
  waitMs,
  dispatchMs,
  queued,
  live,
  workerMb,
  workingMb,
  keptBytesPerSession,
  sessions,
}: Reading): string {
  return `${atSeconds} s: ${callsPerSecond.toFixed(1)} calls/s, wait p50 ${waitMs.p50.toFixed(1)} p99 ${waitMs.p99.toFixed(0)} ms, dispatch p50 ${dispatchMs.p50.toFixed(1)} p99 ${dispatchMs.p99.toFixed(1)} ms, queued ${queued}, live ${live}, worker ${workerMb.toFixed(0)} MB, working tables ${workingMb.toFixed(1)} MB, ${keptBytesPerSession.toFixed(0)} B per session of ${sessions}`;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

// The exit handlers of what was started take it down; without these, a signal would skip them.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

await new Command('long-run')
  .description('run a pool under a steady stream of calls and show whether anything grows')
  .option('--minutes <n>', 'how long', '30')
  .option('--rate <n>', 'outbound calls per second', '50')
  .option('--every <seconds>', 'how often a reading is taken', '30')
  .option('--ramp', 'find the highest rate that this machine holds instead')
  .option('--json', 'one JSON object on stdout')
  .action(run)
  .parseAsync();
