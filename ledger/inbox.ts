import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/** A provider event as it is kept until its work is done: only what the work needs, no transcript. */
export type InboxEvent = {
  readonly project: string;
  readonly dedupe: string;
  readonly callId: string;
  readonly kind: 'status-update' | 'end-of-call-report';
  readonly event: Readonly<Record<string, unknown>>;
};

export type StoredEvent = InboxEvent & { readonly id: string };

/** Commits events before their webhooks are answered. A delivery that was here before changes nothing and is not returned. */
export async function storeEvents(sql: Sql, poolId: PoolId, events: readonly InboxEvent[]): Promise<readonly StoredEvent[]> {
  const { rows } = await sql.query<{ id: string; dedupe: string }>({
    name: 'store-events',
    text: `
      insert into inbox (pool_id, project, dedupe, call_id, kind, event)
      select distinct on (x.dedupe) $1, x.project, x.dedupe, x."callId", x.kind, x.event
      from jsonb_to_recordset($2::jsonb) as x(project text, dedupe text, "callId" text, kind text, event jsonb) order by x.dedupe
      on conflict (pool_id, dedupe) do nothing returning id, dedupe`,
    values: [poolId, JSON.stringify(events)],
  });
  const ids = new Map(rows.map((row) => [row.dedupe, row.id]));
  const stored: StoredEvent[] = [];
  for (const event of events) {
    const id = ids.get(event.dedupe);
    if (id === undefined) continue;
    ids.delete(event.dedupe);
    stored.push({ ...event, id });
  }
  return stored;
}

/** The work of these events is done. */
export async function markProcessed(sql: Sql, ids: readonly string[]): Promise<void> {
  await sql.query({
    name: 'mark-processed',
    text: 'update inbox set processed_at = clock_timestamp() where id = any($1::bigint[])',
    values: [ids],
  });
}

/** Events whose worker died between storing and doing them: older than `olderThanMs` and not done. Doing one twice changes nothing. */
export async function unprocessedEvents(sql: Sql, poolId: PoolId, olderThanMs: number): Promise<readonly StoredEvent[]> {
  const { rows } = await sql.query<{
    id: string;
    project: string;
    dedupe: string;
    call_id: string;
    kind: InboxEvent['kind'];
    event: Record<string, unknown>;
  }>(
    `select id, project, dedupe, call_id, kind, event from inbox
     where pool_id = $1 and processed_at is null and received_at < clock_timestamp() - $2 * interval '1 ms' order by id limit 200`,
    [poolId, olderThanMs],
  );
  return rows.map((row) => ({
    id: row.id,
    project: row.project,
    dedupe: row.dedupe,
    callId: row.call_id,
    kind: row.kind,
    event: row.event,
  }));
}
