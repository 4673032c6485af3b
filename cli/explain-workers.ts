import { z } from 'zod';
import type { Decision } from '../capacity/scaling/decision.ts';
import { explainWorkers } from '../capacity/scaling/explain.ts';
import type { Connection } from './connection.ts';

/** `GET /v1/workers`. The decision comes from the same release as its reader, or is not told: its outline is checked, its figures are not. */
const decision = z.custom<Decision>(
  (value) =>
    z
      .object({
        replicas: z.number(),
        reason: z.object({ kind: z.string() }),
        clamps: z.array(z.object({ by: z.string() })),
        workers: z.object({}),
      })
      .safeParse(value).success,
  'is not a decision that this release can tell',
);

const workersAnswer = z.object({
  pool: z.string(),
  decision: decision.nullable(),
  ageMs: z.number().nullable(),
  changedAgeMs: z.number().nullable(),
});

/** Whoever decides says so twice a minute. */
const nobodyDecidesMs = 90_000;

/** Why there are so many workers, line by line; undefined when nobody has decided that yet. */
export async function explainFleet(connection: Connection): Promise<readonly string[] | undefined> {
  const answer = await connection.json(workersAnswer, '/v1/workers');
  if (answer.decision === null || answer.ageMs === null) return undefined;
  const { ageMs, changedAgeMs } = answer;
  const stale = ageMs > nobodyDecidesMs ? ['Nobody decides now: neither `trunkline up` nor an operator looks after this pool.'] : [];
  return [...stale, ...explainWorkers(answer.decision), `Decided ${ago(ageMs)}; the last change was ${ago(changedAgeMs ?? ageMs)}.`];
}

function ago(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s ago`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3_600)} h ago`;
}
