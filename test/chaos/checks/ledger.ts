import type { Sql } from '../../../ledger/database.ts';
import type { PoolId } from '../../../ledger/policy.ts';
import { countLost } from '../../../ledger/summary.ts';
import type { Simulator } from '../../../standalone/simulator.ts';
import { found, type Violation } from '../violation.ts';

/** What a worker left is taken up by another after some seconds; what came in the last ones may be left to the next run. */
const sweptAfter = '15 s';

/** What the ledger says after the last call has ended: nothing may be held any more, and everything accepted is in one place. */
export async function checkLedger(sql: Sql, poolId: PoolId): Promise<readonly Violation[]> {
  const ids = async (text: string): Promise<readonly string[]> => {
    const { rows } = await sql.query<{ id: string }>(text, [poolId]);
    return rows.map(({ id }) => id);
  };
  return [
    ...found(
      'I6',
      'attempts hold a slot though no call lives',
      await ids(
        `select id || ' ' || state || case when ambiguous_at is null then '' else ' in doubt' end as id from attempt
         where pool_id = $1 and released_at is null order by created_at`,
      ),
    ),
    ...found(
      'I7',
      'sessions are open without an attempt of theirs that is',
      await ids(
        `select s.id from session s left join attempt a on a.id = s.attempt_id
         where s.pool_id = $1 and s.state = 'open' and (a.id is null or a.session_id is distinct from s.id or a.released_at is not null)`,
      ),
    ),
    ...found(
      'I7',
      'sessions wait or are ended while an attempt of theirs counts',
      await ids(
        `select distinct s.id from session s join attempt a on a.session_id = s.id
         where s.pool_id = $1 and s.state <> 'open' and a.state in ('pending', 'admitted', 'sending', 'bound')`,
      ),
    ),
    ...found(
      'I7',
      'webhooks were taken and never worked off',
      await ids(
        `select call_id as id from inbox where pool_id = $1 and processed_at is null and received_at < clock_timestamp() - interval '${sweptAfter}'`,
      ),
    ),
    ...found(
      'I7',
      'classes whose queue is not as deep as its count says',
      await ids(
        `select coalesce(d.class, q.class) as id
         from (select class, sum(delta) as depth from queue_depth where pool_id = $1 group by class) d
         full join (select class, count(*) as depth from session where pool_id = $1 and state = 'queued' group by class) q using (class)
         where coalesce(d.depth, 0) <> coalesce(q.depth, 0)`,
      ),
    ),
  ];
}

/**
 * Everything that the intake acknowledged is queued or in one terminal state; counted by those who got the acknowledgement. A ledger that was promoted
 * without its last second has lost what was acknowledged in it, and nothing else.
 */
export async function checkLost(
  sql: Sql,
  poolId: PoolId,
  simulator: Simulator,
  forgotten: { readonly acknowledged: number },
): Promise<readonly Violation[]> {
  const lost: string[] = [];
  for await (const ids of simulator.accepted()) {
    if ((await countLost(sql, poolId, ids)) === 0) continue;
    for (const id of ids) if ((await countLost(sql, poolId, [id])) > 0) lost.push(id);
  }
  return lost.length <= forgotten.acknowledged
    ? []
    : found('I7', `acknowledged sessions are lost, ${forgotten.acknowledged} of them rightly`, lost);
}
