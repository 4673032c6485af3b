import type { Direction } from '../../capacity/policy/policy.ts';
import type { ClassName, Labels, ProjectName, SubscriptionName } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

/** An attempt as the dispatcher counts it. Instants are the ledger's clock in milliseconds. */
export type OpenAttempt = {
  readonly id: string;
  /** Null for a call that the provider took without us. */
  readonly sessionId: string | null;
  readonly class: ClassName | null;
  readonly direction: Direction;
  readonly project: ProjectName;
  readonly subscription: SubscriptionName;
  readonly number: string | null;
  readonly state: 'pending' | 'admitted' | 'sending' | 'bound' | 'cooling' | 'ended';
  /** Set when an inbound call was refused by message or transfer: it holds a line, but no slot of its class. */
  readonly refusal: string | null;
  readonly owner: number | null;
  /** The policy by which it was decided on, or entered while nobody has decided; null of an earlier release. */
  readonly policyVersion: number | null;
  /** The policy by which its line was taken; of a caller, by which the call was entered. Null of an earlier release. */
  readonly enteredVersion: number | null;
  readonly ambiguous: boolean;
  readonly outcome: string | null;
  readonly admittedAtMs: number | null;
  readonly sendByMs: number | null;
  readonly sendingAtMs: number | null;
  readonly boundAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly session: { readonly seq: number; readonly score: number; readonly readyAtMs: number; readonly labels: Labels } | null;
};

const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

/** Columns of an attempt `a` and its session `s`, for {@link openAttemptOf}. */
export const openAttemptColumns = `
  a.id, a.session_id, a.class, a.direction, a.project, a.subscription, a.number, a.state, a.refusal, a.owner, a.policy_version,
  coalesce(a.entered_version, a.policy_version) as entered_version, a.ambiguous_at is not null as ambiguous, a.outcome,
  ${ms('a.admitted_at')} as admitted_ms, ${ms('a.send_by')} as send_by_ms, ${ms('a.sending_at')} as sending_ms, ${ms('a.bound_at')} as bound_ms,
  ${ms('a.ended_at')} as ended_ms, s.seq, s.score, ${ms('s.ready_at')} as ready_ms, s.labels`;

export type OpenAttemptRow = {
  readonly id: string;
  readonly session_id: string | null;
  readonly class: ClassName | null;
  readonly direction: Direction;
  readonly project: ProjectName;
  readonly subscription: SubscriptionName;
  readonly number: string | null;
  readonly state: OpenAttempt['state'];
  readonly refusal: string | null;
  readonly owner: number | null;
  readonly policy_version: string | null;
  readonly entered_version: string | null;
  readonly ambiguous: boolean;
  readonly outcome: string | null;
  readonly admitted_ms: number | null;
  readonly send_by_ms: number | null;
  readonly sending_ms: number | null;
  readonly bound_ms: number | null;
  readonly ended_ms: number | null;
  readonly seq: string | null;
  readonly score: number | null;
  readonly ready_ms: number | null;
  readonly labels: Labels | null;
};

export function openAttemptOf(row: OpenAttemptRow): OpenAttempt {
  return {
    id: row.id,
    sessionId: row.session_id,
    class: row.class,
    direction: row.direction,
    project: row.project,
    subscription: row.subscription,
    number: row.number,
    state: row.state,
    refusal: row.refusal,
    owner: row.owner,
    policyVersion: row.policy_version === null ? null : Number(row.policy_version),
    enteredVersion: row.entered_version === null ? null : Number(row.entered_version),
    ambiguous: row.ambiguous,
    outcome: row.outcome,
    admittedAtMs: row.admitted_ms,
    sendByMs: row.send_by_ms,
    sendingAtMs: row.sending_ms,
    boundAtMs: row.bound_ms,
    endedAtMs: row.ended_ms,
    session:
      row.seq === null ? null : { seq: Number(row.seq), score: row.score ?? 0, readyAtMs: row.ready_ms ?? 0, labels: row.labels ?? {} },
  };
}

/** Every attempt of the pool that still counts; what a new dispatcher starts from. */
export async function loadOpenAttempts(sql: Sql, poolId: PoolId): Promise<readonly OpenAttempt[]> {
  const { rows } = await sql.query<OpenAttemptRow>(
    `select ${openAttemptColumns} from attempt a left join session s on s.id = a.session_id where a.pool_id = $1 and a.released_at is null`,
    [poolId],
  );
  return rows.map(openAttemptOf);
}
