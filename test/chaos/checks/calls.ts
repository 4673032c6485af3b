import type { Sql } from '../../../ledger/database.ts';
import type { PoolId } from '../../../ledger/policy.ts';
import type { TruthEvent } from '../../../simulator/truth/events.ts';
import { found, type Violation } from '../violation.ts';
import type { Forgotten } from '../world.ts';
import { isForgotten } from './truth.ts';

/** Compares every outbound call that the provider has with the attempt that stands for it. */

type Call = { readonly id: string; readonly name: string | undefined; readonly createdAtMs: number; endedAtMs: number | undefined };
type Attempt = {
  readonly id: string;
  readonly call_id: string | null;
  readonly released_ms: number | null;
  readonly outcome: string | null;
};

/** The clocks of the two processes are one, but not read in the same instant. */
const slackMs = 20;

export async function checkCalls(
  sql: Sql,
  poolId: PoolId,
  truth: readonly TruthEvent[],
  known: { readonly forgotten: readonly Forgotten[]; readonly clocks: 'one' | 'several' },
): Promise<readonly Violation[]> {
  const calls = outboundCalls(truth);
  const { rows } = await sql.query<Attempt>(
    `select id, call_id, (extract(epoch from released_at) * 1000)::float8 as released_ms, outcome from attempt
     where pool_id = $1 and direction = 'Outbound'`,
    [poolId],
  );
  const byCall = new Map(rows.flatMap((attempt) => (attempt.call_id === null ? [] : [[attempt.call_id, attempt] as const])));
  const byName = new Map(rows.map((attempt) => [`tl-${attempt.id}`, attempt]));
  const unknown: string[] = [];
  const denied: string[] = [];
  const early: string[] = [];
  for (const call of calls) {
    // A call whose end was the first that anybody heard of it is known by its name alone.
    const attempt = byCall.get(call.id) ?? byName.get(call.name ?? '');
    if (attempt === undefined) {
      // Of a call that began and ended while nothing was kept, nobody can know.
      if (!isForgotten(known.forgotten, call.createdAtMs)) unknown.push(call.id);
      continue;
    }
    if (attempt.call_id !== call.id && (attempt.outcome === null || attempt.outcome === 'Unsent' || attempt.outcome === 'Unknown')) {
      denied.push(call.id);
      continue;
    }
    const { released_ms: releasedMs } = attempt;
    if (known.clocks === 'several' || isForgotten(known.forgotten, call.createdAtMs)) continue;
    if (releasedMs !== null && (call.endedAtMs === undefined || releasedMs < call.endedAtMs - slackMs)) early.push(attempt.id);
  }
  return [
    ...found('I5', 'calls exist whose attempts ended as if they had never been made', denied),
    ...found('I6', 'calls of ours that no attempt knows', unknown),
    ...found('I6', 'slots were freed while the call lived', early),
  ];
}

function outboundCalls(events: readonly TruthEvent[]): readonly Call[] {
  const calls = new Map<string, Call>();
  for (const event of events) {
    if (event.event === 'created' && event.call.kind === 'outbound')
      calls.set(event.call.id, { id: event.call.id, name: event.call.name, createdAtMs: event.atMs, endedAtMs: undefined });
    if (event.event !== 'ended') continue;
    const call = calls.get(event.id);
    if (call !== undefined) call.endedAtMs = event.atMs;
  }
  return [...calls.values()];
}
