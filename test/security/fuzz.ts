import { Command, InvalidArgumentError, Option } from 'commander';
import { properties } from './properties.ts';

/**
 * `npm run fuzz`: the properties of the tests, with new seeds for as long as one likes. What breaks one is printed with its seed and the smallest case
 * found, and can be run again by that seed. Exit status 1 when anything broke.
 */

type Flags = { readonly minutes: number; readonly seed?: number };

const casesAtATime = 500;

async function fuzz({ minutes, seed }: Flags): Promise<void> {
  const untilMs = performance.now() + minutes * 60_000;
  const broken = new Set<string>();
  let rounds = 0;
  for (let next = seed ?? Date.now() % 2 ** 31; ; next += 1) {
    for (const { name, check } of properties) {
      const report = broken.has(name) ? undefined : await check({ seed: next, numRuns: casesAtATime });
      if (report === undefined) continue;
      broken.add(name);
      process.stdout.write(`✗ ${name}\n${report}\n  again: npm run fuzz -- --seed ${next}\n`);
    }
    rounds += 1;
    process.stderr.write(`seed ${next}: ${properties.length - broken.size} of ${properties.length} properties hold\n`);
    if (seed !== undefined || performance.now() >= untilMs) break;
  }
  process.stdout.write(`${rounds * casesAtATime} cases of each property, ${broken.size} broken\n`);
  process.exitCode = broken.size === 0 ? 0 : 1;
}

function number(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

await new Command('fuzz')
  .description('put hostile input before every parser, and check what must hold for all of it')
  .addOption(new Option('--minutes <minutes>', 'new seeds for this long').argParser(number).default(5))
  .addOption(new Option('--seed <seed>', 'one seed, again').argParser(number).conflicts('minutes'))
  .action(fuzz)
  .parseAsync();
