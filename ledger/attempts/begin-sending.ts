import type { ClassName, Labels, ProjectName, SubscriptionName } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';
import type { WorkerId } from '../workers.ts';

/** Everything that a dial needs. */
export type Dial = {
  readonly attemptId: string;
  readonly sessionId: string;
  readonly class: ClassName;
  readonly project: ProjectName;
  readonly subscription: SubscriptionName;
  readonly fromNumberId: string | null;
  readonly number: string;
  readonly name: string | null;
  readonly labels: Labels;
  /** Handed to the assistant as `variableValues`: the session's own, or what the last conversation of this number left. */
  readonly context: Readonly<Record<string, unknown>> | null;
  /** From the moment the session could have been admitted until it was. */
  readonly waitedMs: number;
  /** How long after the commit of `sending` bytes may still go out. */
  readonly sendWithinMs: number;
};

/**
 * SQL: why an admission must not be sent after all. Somebody called in from that number meanwhile (a call that comes in after this statement began is
 * not seen: then both talk, as when two people dial each other); its project left the policy; or its owner was given up as dead, and what it had
 * begun was handed to others; or its session expired on the way. It stays admitted until it is taken back.
 */
const barred = `(
  exists (select from attempt caller where caller.pool_id = $1 and caller.number = a.number and caller.released_at is null
    and caller.direction = 'Inbound' offset 0)
  or exists (select from worker w where w.id = a.owner and w.state = 'gone')
  or exists (select from session late where late.id = a.session_id and late.expires_at <= clock_timestamp())
  or (a.policy_version is distinct from newest.version
    and not newest.spec @? ('$.subscriptions[*].projects[*] ? (@.name == ' || to_json(a.project)::text || ')')::jsonpath))`;

/**
 * Turns the owner's admitted attempts into `sending`, by compare-and-set, and reads what the dials need. What is not returned was taken back, was
 * cancelled, is too late, or is barred. After this commits, the attempt can no longer be taken back: only an answer, or a complete list of the project's calls,
 * says what became of it.
 */
export async function beginSending(sql: Sql, poolId: PoolId, owner: WorkerId, attemptIds: readonly string[]): Promise<readonly Dial[]> {
  const { rows } = await sql.query<{
    attempt_id: string;
    session_id: string;
    class: ClassName;
    project: ProjectName;
    subscription: SubscriptionName;
    from_number_id: string | null;
    number: string;
    name: string | null;
    labels: Labels;
    context: Record<string, unknown> | null;
    waited_ms: number;
    send_within_ms: number;
  }>({
    name: 'begin-sending',
    text: `
      with mine as (
        select a.id from attempt a
        cross join (select version, spec from policy where pool_id = $1 order by version desc limit 1) newest
        where a.id = any($2::uuid[]) and a.owner = $3 and a.state = 'admitted' and a.direction = 'Outbound' and a.send_by > clock_timestamp()
          and not ${barred} order by a.id for update of a skip locked),
      sent as (
        update attempt a set state = 'sending', sending_at = clock_timestamp() from mine where a.id = mine.id
        returning a.id, a.session_id, a.class, a.admitted_at, a.project, a.subscription, a.from_number_id,
          (extract(epoch from a.send_by - clock_timestamp()) * 1000)::float8 as left_ms)
      select sent.id as attempt_id, s.id as session_id, s.class, sent.project, sent.subscription, sent.from_number_id, s.number, s.name, s.labels,
        greatest(0, extract(epoch from sent.admitted_at - s.ready_at) * 1000)::float8 as waited_ms,
        least(1000, greatest(0, sent.left_ms)) as send_within_ms,
        coalesce(s.context, (select e.context from session e join attempt a on a.session_id = e.id
          where a.pool_id = $1 and a.number = s.number and e.context is not null and e.state = 'ended' and a.sending_at is not null
          order by a.created_at desc limit 1)) as context
      from sent join session s on s.id = sent.session_id`,
    values: [poolId, attemptIds, owner],
  });
  return rows.map((row) => ({
    attemptId: row.attempt_id,
    sessionId: row.session_id,
    class: row.class,
    project: row.project,
    subscription: row.subscription,
    fromNumberId: row.from_number_id,
    number: row.number,
    name: row.name,
    labels: row.labels,
    context: row.context,
    waitedMs: row.waited_ms,
    sendWithinMs: row.send_within_ms,
  }));
}
