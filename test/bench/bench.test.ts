import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';

const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

/** What runs in seconds; the rest is made of the same parts and takes longer to set up than to measure. */
const quick = ['admissions', 'rounds', 'claim-latency', 'intake', 'side-by-side'];

const results = z.object({
  scale: z.literal('tiny'),
  benches: z.record(
    z.string(),
    z.object({
      figures: z
        .array(
          z.object({
            name: z.string(),
            definition: z.string().min(20),
            value: z.number(),
            anchor: z.object({ value: z.number().positive() }).optional(),
          }),
        )
        .min(1),
    }),
  ),
});

test('benches run and give their figures', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [main, '--tiny', '--json', ...quick], { timeout: 120_000 });
  const { benches } = results.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
  expect(Object.keys(benches).toSorted()).toEqual(quick.toSorted());
  const figures = Object.values(benches).flatMap((bench) => bench.figures);
  const names = figures.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining([
      'admissions',
      'admissions, 50 per batch',
      'claim latency p99',
      'webhook rate',
      'over the limit: Trunkline, 5 ms',
    ]),
  );
  expect(figures.find(({ name }) => name === 'over the limit: Trunkline, 5 ms')?.value).toBe(0);
});

test('a bench that does not exist is named', async () => {
  await expect(promisify(execFile)(process.execPath, [main, 'speed'])).rejects.toThrow(/no bench is called speed: use admissions/);
});
