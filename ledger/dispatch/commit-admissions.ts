import type { RateStates } from '../../capacity/admission/snapshot.ts';
import type { ClassName, ProjectName, SubscriptionName } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import { Deposed } from '../election.ts';
import { unflushed } from '../flush.ts';
import type { PoolId } from '../policy.ts';
import type { WorkerId } from '../workers.ts';
import { numberBusy } from './number-busy.ts';
import { releasing } from './release-slots.ts';

/** One admission as it is written down: with the ceiling and count that it was decided on, so that the history can be checked. */
export type AdmissionRecord = {
  readonly sessionId: string;
  readonly attemptId: string;
  readonly class: ClassName;
  readonly project: ProjectName;
  readonly subscription: SubscriptionName;
  readonly owner: WorkerId;
  readonly seq: number;
  readonly ceiling: number;
  readonly inUse: number;
  readonly fromNumberId: string | null;
  /** One slot above the ceiling, to find out whether lines are free again. */
  readonly probe: boolean;
  /** From the decision on, how long it may take until the owner sends; a slow commit is part of it. */
  readonly sendWithinMs: number;
};

export type AdmissionBatch = {
  readonly poolId: PoolId;
  readonly epoch: number;
  readonly policyVersion: number;
  /** When it was decided, by the ledger's clock: rates count from here. */
  readonly decidedAtMs: number;
  readonly records: readonly AdmissionRecord[];
  /** Limiters that these admissions moved. Committed with them. */
  readonly rates: RateStates;
  /** Attempts whose slots are free now, and may be taken by these very admissions. */
  readonly released: readonly string[];
};

export type Committed = { readonly attemptId: string; readonly admittedAtMs: number; readonly sendByMs: number };

/** Most admissions of one batch: their ids must fit into one NOTIFY (8,000 bytes). */
export const maxBatch = 200;

/**
 * Writes a batch of outbound admissions and wakes their owners, in one statement: one round trip however many there are.
 * Nothing waits for the disk: the log is written in order, so the owner's \`sending\`, which waits for it, takes the admission there before a byte goes
 * out; a crash before that takes back what nobody has acted upon.
 *
 * Slots that have become free are released in the same statement, at an instant before the admissions that take them.
 *
 * Rows that somebody changes right now are skipped rather than waited for, so no order of locks is needed between this and a mass cancellation. The
 * epoch is checked in the same statement: a dispatcher that was deposed writes nothing. A test looks at the plan.
 */
export const commitAdmissionsStatement = `
  with ${unflushed},
  input as (
    select * from jsonb_to_recordset($2::jsonb) as x("sessionId" uuid, "attemptId" uuid, project text, subscription text, owner int, seq bigint,
      ceiling int, "inUse" int, "fromNumberId" text, probe boolean, "sendWithinMs" int)),
  counted as (update dispatcher set decision_seq = $7 where pool_id = $1 and epoch = $3 returning epoch),
  locked as (select id, state, ready, expires_at from session where id = any(array(select "sessionId" from input)) order by id for update skip locked),
  free as (select id from locked where state = 'queued' and ready and (expires_at is null or expires_at > clock_timestamp())),
  opened as (
    update session s set state = 'open', attempt_id = i."attemptId"
    from input i, counted
    where s.id = i."sessionId" and s.id in (select id from free)
      and not ${numberBusy('s.number')}
    returning s.id, s.class, s.direction, s.number),
  made as (
    insert into attempt (id, pool_id, session_id, class, direction, project, subscription, number, state, owner, epoch, seq, policy_version, ceiling,
      in_use, from_number_id, probe, admitted_at, send_by)
    select i."attemptId", $1, o.id, o.class, o.direction, i.project, i.subscription, o.number, 'admitted', i.owner, $3, i.seq, $4, i.ceiling,
      i."inUse", i."fromNumberId", i.probe, t.now, to_timestamp($8::float8 / 1000) + i."sendWithinMs" * interval '1 ms'
    from opened o join input i on i."sessionId" = o.id cross join (select clock_timestamp() as now) t
    returning id, owner, admitted_at, send_by),
  ${releasing('$9')},
  limiters as (
    insert into limiter (pool_id, name, state)
    select $1, l.name, l.state from unnest($5::text[], $6::jsonb[]) as l(name, state), counted
    on conflict (pool_id, name) do update set state = excluded.state),
  woken as (select owner, pg_notify('trunkline_worker_' || owner, string_agg(id::text, ',')) from made group by owner)
  select (select count(*) from counted)::int as leading, (select count(*) from woken)::int as owners,
    (select coalesce(jsonb_agg(jsonb_build_object('attemptId', id, 'admittedAtMs', extract(epoch from admitted_at) * 1000,
       'sendByMs', extract(epoch from send_by) * 1000)), '[]') from made) as made
  from unflushed`;

/**
 * @returns the attempts that exist now; an admission that is missing did not happen, because its session was cancelled or expired meanwhile, or its number
 * is busy.
 * @throws Deposed when this epoch is over.
 */
export async function commitAdmissions(connection: Sql, batch: AdmissionBatch): Promise<readonly Committed[]> {
  const { rows } = await connection.query<{ leading: number; made: readonly Committed[] }>({
    name: 'commit-admissions',
    text: commitAdmissionsStatement,
    values: [
      batch.poolId,
      JSON.stringify(batch.records),
      batch.epoch,
      batch.policyVersion,
      [...batch.rates.keys()],
      [...batch.rates.values()].map((state) => JSON.stringify(state)),
      batch.records.at(-1)?.seq ?? 0,
      batch.decidedAtMs,
      batch.released,
    ],
  });
  const row = rows[0];
  if (row === undefined || row.leading !== 1) throw new Deposed(`epoch ${batch.epoch} is over`);
  return row.made;
}
