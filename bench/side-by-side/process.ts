import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { contestants } from './contestants.ts';
import { type Held, nowUs } from './judge.ts';

/** One process of a contestant: says when it works, and then of every line when it was taken and given back. */
const { name, url, lines, index, holdMs } = z
  .object({ name: z.string(), url: z.string(), lines: z.int(), index: z.int(), holdMs: z.number() })
  .parse(JSON.parse(process.argv[2] ?? ''));

const contestant = contestants.find((one) => one.name === name);
if (contestant === undefined) throw new Error(`nobody is called ${name}`);

/** What a job that is still under way at the end has held the line for is reported too. */
const open = new Set<{ readonly fromUs: number }>();
let held: Held[] = [];

async function hold(): Promise<void> {
  const line = { fromUs: nowUs() };
  open.add(line);
  await sleep(holdMs);
  held.push({ fromUs: line.fromUs, toUs: nowUs() });
  open.delete(line);
}

const stop = await contestant.work({ url, lines, index, hold });
process.send?.({ kind: 'working' });
process.once('message', () => {
  // Reported before anything is taken down, so that what is cut off counts as held to the end.
  const endUs = nowUs();
  held = [...held, ...[...open].map(({ fromUs }) => ({ fromUs, toUs: endUs }))];
  process.send?.({ kind: 'held', held });
  void stop().finally(() => process.exit(0));
});
