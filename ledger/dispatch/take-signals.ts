import { z } from 'zod';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';
import { type OpenAttempt, type OpenAttemptRow, openAttemptColumns, openAttemptOf } from './open-attempts.ts';

/** What a signal says beside its attempt. Written by workers in the transaction of the change itself. */
const signalData = z.looseObject({
  limits: z.object({ limit: z.number(), remaining: z.number(), blocked: z.boolean() }).nullish(),
  outcome: z.string().nullish(),
  reason: z.string().nullish(),
  observedAtMs: z.number().nullish(),
});

export type Signal = {
  readonly kind: string;
  readonly data: z.infer<typeof signalData>;
  readonly attempt: OpenAttempt | undefined;
};

/** Most signals that one step takes; the rest waits for the next. */
export const signalBatch = 1_000;

/**
 * Takes what changed since the last look: deletes the signals and reads their attempts in one statement, so an attempt is seen with the change that
 * its signal announces. A dispatcher that dies between this and acting on it loses nothing: its successor counts from the tables.
 * So nothing waits for the disk either: signals that come back after a crash are read again, which changes nothing.
 */
export async function takeSignals(sql: Sql, poolId: PoolId): Promise<readonly Signal[]> {
  const { rows } = await sql.query<OpenAttemptRow & { kind: string; data: unknown }>({
    name: 'take-signals',
    text: `
      with unflushed as materialized (select set_config('synchronous_commit', 'off', true)),
      taken as (
        delete from signal where pool_id = $1 and id = any(array(select id from signal where pool_id = $1 order by id limit ${signalBatch}))
        returning id, kind, attempt_id, data)
      select t.id as signal_id, t.kind, t.data, ${openAttemptColumns}
      from taken t cross join unflushed left join attempt a on a.id = t.attempt_id left join session s on s.id = a.session_id
      order by t.id`,
    values: [poolId],
  });
  return rows.map((row) => ({
    kind: row.kind,
    data: signalData.parse(row.data ?? {}),
    attempt: row.id === null ? undefined : openAttemptOf(row),
  }));
}
