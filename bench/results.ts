import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Figure, reached } from './figure.ts';

/** What each bench gave when it last ran in full: `bench/results/latest.json`. */

const directory = fileURLToPath(new URL('results/', import.meta.url));
const latest = `${directory}latest.json`;

const storedFigure = z.object({
  name: z.string(),
  definition: z.string(),
  unit: z.string(),
  // JSON has no NaN: a figure that could not be taken comes back as null.
  value: z.number().nullable(),
  goal: z.union([z.object({ atLeast: z.number() }), z.object({ atMost: z.number() })]).optional(),
  anchor: z.object({ what: z.string(), value: z.number().nullable() }).optional(),
  point: z.object({ plot: z.string(), axis: z.string(), line: z.string(), at: z.string() }).optional(),
  reached: z.boolean().optional(),
});
export type StoredFigure = z.infer<typeof storedFigure>;

/** `load` is what else the machine did: how many processes wanted a core in the minute before the bench began. */
const benchResult = z.object({ at: z.string(), seconds: z.number(), load: z.number(), figures: z.array(storedFigure) });
export type BenchResult = z.infer<typeof benchResult>;

const results = z.object({ node: z.string(), cores: z.int(), benches: z.record(z.string(), benchResult) });
export type Results = z.infer<typeof results>;

/** What one bench gave now. */
export function resultOf(figures: readonly Figure[], { seconds, load }: Pick<BenchResult, 'seconds' | 'load'>): BenchResult {
  return benchResult.parse(
    JSON.parse(
      JSON.stringify({
        at: new Date().toISOString(),
        seconds,
        load,
        figures: figures.map((figure) => ({ ...figure, reached: reached(figure) })),
      }),
    ),
  );
}

/** Puts results in the place of those benches' last ones; others stay, each with the time at which it was taken. */
export async function keep(taken: Readonly<Record<string, BenchResult>>, order: readonly string[]): Promise<Results> {
  const all = { ...(await kept()), ...taken };
  const benches = Object.fromEntries(order.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])));
  const now: Results = { node: process.version, cores: availableParallelism(), benches };
  await mkdir(directory, { recursive: true });
  await writeFile(latest, `${JSON.stringify(now, undefined, 2)}\n`);
  return now;
}

async function kept(): Promise<Results['benches']> {
  const text = await readFile(latest, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  // Results of another shape are those of another release: they are measured anew.
  return results.safeParse(JSON.parse(text)).data?.benches ?? {};
}
