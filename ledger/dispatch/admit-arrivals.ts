import type { SubscriptionName } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import { Deposed } from '../election.ts';
import type { PoolId } from '../policy.ts';
import { maxBatch } from './commit-admissions.ts';

/** An inbound call that waits inside the provider and may be answered now. Its line is taken already; its attempt exists. */
export type ArrivalRecord = {
  readonly attemptId: string;
  /** Whose line it holds, as it is called by the policy of this decision. */
  readonly subscription: SubscriptionName;
  readonly seq: number;
  readonly ceiling: number;
  readonly inUse: number;
  readonly sendWithinMs: number;
};

/**
 * Admits waiting inbound calls and wakes the workers that hold their requests. Compare-and-set from `pending`: a caller who hung up, or whose worker
 * answered otherwise meanwhile, is not admitted. Returns the ids that are.
 * @throws Deposed
 */
export async function admitArrivals(
  connection: Sql,
  batch: { readonly poolId: PoolId; readonly epoch: number; readonly policyVersion: number; readonly records: readonly ArrivalRecord[] },
): Promise<readonly string[]> {
  const { rows } = await connection.query<{ leading: number; admitted: readonly string[] }>({
    name: 'admit-arrivals',
    text: `
      with input as (select * from jsonb_to_recordset($2::jsonb) as x("attemptId" uuid, subscription text, seq bigint, ceiling int, "inUse" int, "sendWithinMs" int)),
      counted as (update dispatcher set decision_seq = $5 where pool_id = $1 and epoch = $3 returning epoch),
      free as (
        select id from attempt where id = any(array(select "attemptId" from input)) and state = 'pending' order by id for update skip locked),
      admitted as (
        update attempt a set state = 'admitted', epoch = $3, policy_version = $4, entered_version = a.policy_version, subscription = i.subscription,
          seq = i.seq, ceiling = i.ceiling, in_use = i."inUse", admitted_at = clock_timestamp(), send_by = clock_timestamp() + i."sendWithinMs" * interval '1 ms'
        from input i, counted where a.id = i."attemptId" and a.id in (select id from free)
        returning a.id, a.owner),
      parted as (select id, owner, row_number() over (partition by owner) / ${maxBatch} as part from admitted),
      woken as (select owner, pg_notify('trunkline_worker_' || owner, string_agg(id::text, ',')) from parted group by owner, part)
      select (select count(*) from counted)::int as leading, (select count(*) from woken)::int as owners,
        (select coalesce(jsonb_agg(id), '[]') from admitted) as admitted`,
    values: [batch.poolId, JSON.stringify(batch.records), batch.epoch, batch.policyVersion, batch.records.at(-1)?.seq ?? 0],
  });
  const row = rows[0];
  if (row === undefined || row.leading !== 1) throw new Deposed(`epoch ${batch.epoch} is over`);
  return row.admitted;
}
