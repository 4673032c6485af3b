import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { compilePolicy } from '../../capacity/policy/compile.ts';
import type { Policy } from '../../capacity/policy/policy.ts';
import type { Database } from '../../ledger/database.ts';
import { newId } from '../../ledger/ids.ts';
import { type PoolId, writePolicy } from '../../ledger/policy.ts';
import { createWaker } from '../../ledger/wake.ts';
import { type Applier, openApplier } from '../../workers/events/apply.ts';
import { type Endings, openEndings } from '../../workers/events/endings.ts';
import { freshLedger } from '../support/ledger.ts';
import { salesPool } from './intake/serving.ts';

/** What a worker brings news of calls into the ledger with, over a real one. */
export type DataPath = {
  readonly database: Database;
  readonly url: string;
  readonly poolId: PoolId;
  readonly policy: Policy;
  readonly endings: Endings;
  readonly applier: Applier;
};

export const silent = pino({ level: 'silent' });

export async function aDataPath(): Promise<DataPath> {
  const { database, url } = await freshLedger();
  const { poolId } = await writePolicy(database, salesPool.metadata.name, salesPool.spec);
  const { policy } = compilePolicy(salesPool);
  const endings = openEndings({
    database,
    poolId,
    policy: () => policy,
    withResults: () => false,
    random: () => 0.5,
    waker: createWaker(database, poolId, (error: unknown) => {
      throw error;
    }),
    observeOutcome: () => undefined,
  });
  const applier = openApplier({
    database,
    poolId,
    pool: policy.pool,
    policy: () => policy,
    policyVersion: () => 1,
    endings,
    wakeDispatcher: () => undefined,
    log: silent,
  });
  return { database, url, poolId, policy, endings, applier };
}

export type Placed = { readonly sessionId: string; readonly attemptId: string; readonly number: string };

let placed = 0;

/** An outbound session whose attempt is `admitted` by worker `owner`, to be sent within a minute. */
export async function place({ database, poolId }: Pick<DataPath, 'database' | 'poolId'>, owner: number): Promise<Placed> {
  placed += 1;
  const made = { sessionId: newId(), attemptId: randomUUID(), number: `+1415556${String(placed).padStart(4, '0')}` };
  await database.query(
    `with opened as (
       insert into session (id, pool_id, class, direction, state, ready, number, attempt_id) values ($2, $1, 'campaign', 'Outbound', 'open', true, $4, $3))
     insert into attempt (id, pool_id, session_id, class, direction, project, subscription, number, state, owner, from_number_id, admitted_at, send_by)
     values ($3, $1, $2, 'campaign', 'Outbound', 'north', 'main', $4, 'admitted', $5, 'number-north', clock_timestamp(),
       clock_timestamp() + interval '1 min')`,
    [poolId, made.sessionId, made.attemptId, made.number, owner],
  );
  return made;
}

/** A session and its attempt, as the ledger has them. */
export async function seen({ database }: Pick<DataPath, 'database'>, { sessionId, attemptId }: Placed) {
  const { rows } = await database.query<{ session: string; outcome: string | null; attempt: string; released: boolean; doubtful: boolean }>(
    `select s.state as session, s.outcome, a.state as attempt, a.released_at is not null as released, a.ambiguous_at is not null as doubtful
     from session s, attempt a where s.id = $1 and a.id = $2`,
    [sessionId, attemptId],
  );
  return rows[0];
}
