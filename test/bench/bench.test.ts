import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';

const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

const results = z.object({
  scale: z.literal('tiny'),
  figures: z.array(
    z.object({
      name: z.string(),
      definition: z.string().min(20),
      value: z.number(),
      anchor: z.object({ value: z.number().positive() }).optional(),
    }),
  ),
});

test('every bench runs and gives its figures', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [main, '--tiny', '--json'], { timeout: 60_000 });
  const { figures } = results.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
  expect(figures.map(({ name }) => name)).toEqual([
    'admissions',
    'claim latency p50',
    'claim latency p99',
    'dial latency p50',
    'dial latency p99',
    'import',
    'start to first call',
    'worker memory',
  ]);
});

test('a bench that does not exist is named', async () => {
  await expect(promisify(execFile)(process.execPath, [main, 'speed'])).rejects.toThrow(/no bench is called speed: use admissions/);
});
