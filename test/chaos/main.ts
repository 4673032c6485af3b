import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { families } from './families.ts';
import { promotion } from './faults/promotion.ts';
import { runSeed, type Verdict } from './run.ts';
import { drawSeed, tellDraw } from './seed.ts';

/**
 * `npm run chaos`: seed after seed of real processes that are hurt, each judged by the provider's truth, the ledger and the history of both. What a seed
 * does is a function of its number, so that one that fails can be played again. Exit status 1 when any promise was broken.
 */

type Flags = {
  readonly minutes?: number;
  readonly seed?: number;
  readonly seeds?: { readonly first: number; readonly last: number };
  readonly promotion?: true;
  readonly keep?: true;
  readonly json?: true;
};

async function chaos(flags: Flags): Promise<void> {
  // Not os.tmpdir(): PostgreSQL runs as another user when we are root, and must reach its directory.
  const directory = await mkdtemp('/tmp/trunkline-chaos-');
  await chmod(directory, 0o711);
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const verdicts: Verdict[] = [];
  const drawn = flags.promotion ? families.filter((family) => family.group !== promotion.group || family === promotion) : families;
  for (const seed of seedsOf(flags)) {
    const draw = drawSeed(seed, drawn);
    for (const line of tellDraw(draw)) say(line);
    const verdict = await runSeed(draw, join(directory, `seed-${seed}`), say);
    verdicts.push(verdict);
    for (const line of tellVerdict(verdict, flags)) say(line);
    if (verdict.violations.length === 0 && flags.keep === undefined) await rm(verdict.directory, { recursive: true, force: true });
  }
  const failed = verdicts.filter(({ violations }) => violations.length > 0);
  const longest = Math.max(0, ...verdicts.map(({ seconds }) => seconds));
  say(`${verdicts.length} seeds, ${failed.length} with violations, ${longest} s the longest`);
  if (failed.length === 0 && flags.keep === undefined) await rm(directory, { recursive: true, force: true });
  if (flags.json) process.stdout.write(`${JSON.stringify({ seeds: verdicts.length, failed: failed.map(({ seed }) => seed), verdicts })}\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
  endSoon(say);
}

/** A seed that was broken off may leave a socket or a child behind, and a run that does not end tells nobody its result. */
function endSoon(say: (line: string) => void): void {
  setTimeout(() => {
    say(`ending although something is left open: ${[...new Set(process.getActiveResourcesInfo())].join(', ')}`);
    process.exit();
  }, 5_000).unref();
}

/** The seeds that were asked for; without any, new ones until the time is over. */
function* seedsOf({ minutes, seed, seeds }: Flags): Iterable<number> {
  if (seed !== undefined) return yield seed;
  if (seeds !== undefined) {
    for (let next = seeds.first; next <= seeds.last; next += 1) yield next;
    return;
  }
  const overMs = performance.now() + (minutes ?? 5) * 60_000;
  const first = Date.now() % 1_000_000_000;
  for (let next = first; performance.now() < overMs; next += 1) yield next;
}

function tellVerdict({ seed, seconds, dials, flowsAgainMs, violations, directory }: Verdict, flags: Flags): readonly string[] {
  const flow = flowsAgainMs === null ? '' : `, flowing again after ${flowsAgainMs} ms`;
  if (violations.length === 0) return [`  ✓ ${seconds} s, ${dials} dials${flow}`];
  return [
    `  ✗ ${seconds} s, ${dials} dials${flow}`,
    ...violations.map(({ invariant, what, ids }) => `    ${invariant}: ${what}${ids.length === 0 ? '' : `: ${ids.join(', ')}`}`),
    `    play again: npm run chaos -- --seed ${seed}${flags.promotion ? ' --promotion' : ''}`,
    `    evidence: ${directory}`,
  ];
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

function range(text: string): { readonly first: number; readonly last: number } {
  const [first, last, ...rest] = text.split('..');
  if (first === undefined || last === undefined || rest.length > 0) throw new InvalidArgumentError('It must be two seeds, such as 1..20.');
  return { first: whole(first), last: whole(last) };
}

// The exit handlers of what was started take it down; without these, a signal would skip them.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

await new Command('chaos')
  .description('hurt a pool of real processes in every way that a seed draws, and check every promise afterwards')
  .addOption(new Option('--minutes <minutes>', 'new seeds for this long').argParser(positive).default(undefined, '5'))
  .addOption(new Option('--seed <seed>', 'one seed, again').argParser(whole).conflicts(['minutes', 'seeds']))
  .addOption(new Option('--seeds <range>', 'all seeds of a range, such as 1..200').argParser(range).conflicts(['minutes', 'seed']))
  .addOption(new Option('--promotion', 'of all that can happen to the database, only the promotion of a stale replica').default(undefined))
  .addOption(new Option('--keep', 'keep the state of good seeds too').default(undefined))
  .addOption(new Option('--json', 'one JSON object on stdout').default(undefined))
  .action(chaos)
  .parseAsync();
