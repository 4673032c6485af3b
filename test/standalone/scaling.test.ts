import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { type Command, startCommand, stateDirectory } from '../support/command.ts';

/** The whole of one machine, followed from a backlog to quiet: PostgreSQL, workers and provider are real processes, only the windows are short. */

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const trial = z.looseObject({ spec: z.looseObject({ classes: z.array(z.looseObject({ name: z.string() })) }) });

/** The sample pool with workers that carry little, and a minute of patience before they leave. Nobody is dialled twice, so that it gets quiet. */
async function writePool(file: string): Promise<void> {
  const { spec, ...rest } = trial.parse(parse(await readFile(at('../../crds/samples/trial.yaml'), 'utf8')));
  const classes = spec.classes.map(({ retry: _, ...one }) => one);
  const scaling = { buffer: { sessions: 0, percent: 0 }, behavior: { scaleDown: { stabilizationWindow: '60s', policies: [] } } };
  await writeFile(file, stringify({ ...rest, spec: { ...spec, classes, workers: { sessionsPerWorker: 10 }, scaling } }));
}

const scenario = stringify({ seed: 7, traffic: [{ kind: 'outbound', class: 'campaign', leads: 120, length: { mu: 4.3, sigma: 0.3 } }] });

async function says(run: Command, what: RegExp, withinMs: number): Promise<void> {
  for (const startedMs = performance.now(); performance.now() - startedMs < withinMs; await sleep(100)) {
    if (what.test(run.err())) return;
    if (run.child.exitCode !== null) break;
  }
  throw new Error(`never said ${what}: ${run.err().slice(-3_000)}`);
}

const decided = z.object({
  decision: z.object({ replicas: z.number(), reason: z.object({ kind: z.string() }), clamps: z.array(z.object({ by: z.string() })) }),
  ageMs: z.number(),
});

async function lastDecision(state: string): Promise<z.infer<typeof decided>['decision']> {
  const [url, token] = await Promise.all(['url', 'token'].map(async (file) => (await readFile(join(state, file), 'utf8')).trim()));
  const answer = await fetch(`${url}/v1/workers`, { headers: { authorization: `Bearer ${token}` } });
  return decided.parse(await answer.json()).decision;
}

test('a backlog makes workers, and when it is over they drain and nothing is cut', { timeout: 180_000 }, async () => {
  const state = await stateDirectory();
  const [pool, traffic] = [join(dirname(state), 'pool.yaml'), join(dirname(state), 'traffic.yaml')];
  await mkdir(dirname(state), { recursive: true });
  await writePool(pool);
  await writeFile(traffic, scenario);
  const run = startCommand([at('fixtures/scaled-up.ts'), pool, traffic, state, '1', '3']);

  await says(run, /1 workers at http.*up to 3 as the load asks for/, 60_000);
  await says(run, /3 workers wanted, 1 before\. .*maxReplicas/, 30_000);
  expect(await lastDecision(state)).toMatchObject({
    replicas: 3,
    clamps: expect.arrayContaining([expect.objectContaining({ by: 'MaxReplicas' })]),
  });
  await says(run, /1 worker wanted, [23] before\./, 90_000);
  expect(await lastDecision(state)).toMatchObject({ replicas: 1 });

  run.child.kill('SIGINT');
  expect(await run.ended, run.err().slice(-3_000)).toBe(0);
  const summary: unknown = JSON.parse(run.out().trim().split('\n').at(-1) ?? '');
  expect(summary).toMatchObject({
    accepted: 120,
    queued: 0,
    live: 0,
    lost: 0,
    duplicateDials: 0,
    violations: [],
    workers: 3,
    workerCrashes: 0,
  });
});
