import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { checkLedger, checkLost } from '../checks/ledger.ts';
import { checkReport } from '../checks/provider.ts';
import { finish } from '../finish.ts';
import { healAll } from '../heal.ts';
import type { Violation } from '../violation.ts';
import { startWorld, type World } from '../world.ts';
import { cases, ledgerAway, type RecoveryCase } from './cases.ts';
import { untilSteady } from './observe.ts';
import { fullStage, recoveryStage } from './stage.ts';
import { isReached, type Recovery, tableOf, withTable } from './table.ts';

/**
 * `npm run recovery`: how long a pool of real processes takes to be well again, each thing measured several times, and whether anything was lost or
 * dialled twice on the way. Exit status 1 when a figure is missed or a promise broken.
 */

const page = fileURLToPath(new URL('../../../docs/guarantees.md', import.meta.url));
const kept = fileURLToPath(new URL('./results.generated.json', import.meta.url));

type Flags = { readonly times: number; readonly only?: string; readonly long?: true; readonly dry?: true; readonly json?: true };

async function recovery(flags: Flags): Promise<void> {
  const directory = await mkdtemp('/tmp/trunkline-recovery-');
  await chmod(directory, 0o711);
  const all = [...cases, ledgerAway(30), ...(flags.long === undefined ? [] : [ledgerAway(600)])];
  const chosen = all.filter(({ name }) => flags.only === undefined || name.includes(flags.only));
  const { recoveries, violations } = await measureAll(directory, chosen, flags);
  const result = { at: new Date().toISOString(), node: process.version, recoveries, violations };
  if (flags.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stdout.write(`${tableOf(recoveries)}\n`);
  for (const { invariant, what, ids } of violations) say(`${invariant}: ${what} ${ids.join(', ')}`);
  if (flags.dry === undefined) {
    await writeFile(kept, `${JSON.stringify(result, undefined, 2)}\n`);
    await writeFile(page, withTable(await readFile(page, 'utf8'), tableOf(recoveries)));
  }
  const good = violations.length === 0 && recoveries.every(isReached);
  if (good) await rm(directory, { recursive: true, force: true });
  else say(`evidence: ${directory}`);
  process.exitCode = good ? 0 : 1;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function measureAll(
  directory: string,
  chosen: readonly RecoveryCase[],
  { times }: Flags,
): Promise<{ readonly recoveries: readonly Recovery[]; readonly violations: readonly Violation[] }> {
  await using resources = new AsyncDisposableStack();
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const world = await startWorld(recoveryStage(fullStage), directory, resources);
  await world.simulator.startTraffic(world.url, world.token);
  const recoveries: Recovery[] = [];
  for (const { measure, ...described } of chosen) {
    const taken: (number | string)[] = [];
    // Minutes without a ledger are the same however often they pass.
    const often = described.name.startsWith('database away') ? 1 : times;
    for (let time = 0; time < often && !interrupted.signal.aborted; time += 1) {
      const one = await untilSteady(world, interrupted.signal)
        .then(() => measure(world, interrupted.signal))
        .catch((error: Error) => error.message);
      taken.push(typeof one === 'number' ? Math.round(one) : one);
      world.note(`${described.name}: ${one}`);
      say(`${described.name}: ${typeof one === 'number' ? `${Math.round(one)} ms` : one}`);
      await healAll(world);
    }
    recoveries.push({ ...described, taken });
  }
  return { recoveries, violations: await judge(world, interrupted.signal) };
}

/** What was accepted must be queued or ended, nobody dialled twice, and no line held for nobody. */
async function judge(world: World, signal: AbortSignal): Promise<readonly Violation[]> {
  await finish(world, signal);
  const { simulator, draw, database, poolId } = world;
  const report = await simulator.report();
  return [
    ...checkReport(draw, report, []),
    ...(await checkLedger(database, poolId)),
    ...(await checkLost(database, poolId, simulator, { acknowledged: 0 })),
  ];
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('must be a whole number above 0');
}

await new Command('recovery')
  .description('measure how soon a pool is well again after a fault, and write the figures into docs/guarantees.md')
  .addOption(new Option('--times <times>', 'how often each figure is taken').argParser(positive).default(3))
  .addOption(new Option('--only <words>', 'those whose name has these words'))
  .addOption(new Option('--long', 'also a database that is away for ten minutes').default(undefined))
  .addOption(new Option('--dry', 'write no file').default(undefined))
  .addOption(new Option('--json', 'one JSON object on stdout').default(undefined))
  .action(recovery)
  .parseAsync();
