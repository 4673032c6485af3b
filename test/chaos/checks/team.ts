import type { Sql } from '../../../ledger/database.ts';
import type { PoolId } from '../../../ledger/policy.ts';
import type { Heard } from '../team/team.ts';
import { found, type Violation } from '../violation.ts';

/** A session that has ended, and what the ledger says of its delivery. */
export type EndedSession = { readonly id: string; readonly outcome: string; readonly delivery: 'none' | 'due' | 'delivered' };

export async function readEnded(sql: Sql, poolId: PoolId): Promise<readonly EndedSession[]> {
  const { rows } = await sql.query<EndedSession>(
    `select s.id, s.outcome,
       case when o.id is null then 'none' when o.delivered_at is null then 'due' else 'delivered' end as delivery
     from session s left join outbox o on o.session_id = s.id where s.pool_id = $1 and s.state = 'ended'`,
    [poolId],
  );
  return rows;
}

/**
 * What the team heard against what the ledger says it was told. An event that nobody waits for is handed over once at most: the team's logic may book a
 * table. A result is delivered until it is taken: at least once. `ended`: those whose results are to be delivered.
 */
export function checkTeam(heard: Heard, ended: readonly EndedSession[], ledger: 'whole' | 'lost a part'): readonly Violation[] {
  const never = ended.filter(({ delivery }) => delivery === 'none');
  const untaken = ended.filter(({ id, delivery }) => delivery === 'delivered' && !heard.results.has(id));
  return [
    ...found('Team', 'requests to the team are not as they should be', heard.wrong),
    ...found('Team', 'sessions ended whose result is not to be delivered', never.map(idOf)),
    ...found('Team', 'results count as delivered that the team never took', untaken.map(idOf)),
    // A ledger that lost its newest part has forgotten which deliveries of an event it has had, and how a session had ended.
    ...(ledger === 'whole' ? contradictions(heard, ended) : []),
  ];
}

function contradictions(heard: Heard, ended: readonly EndedSession[]): readonly Violation[] {
  const twice = [...heard.events].filter(([, times]) => times > 1).map(([key]) => key);
  const outcomes = new Map(ended.map(({ id, outcome }) => [id, outcome]));
  const otherwise = [...heard.results].filter(([id, taken]) => taken.some(({ outcome }) => outcome !== outcomes.get(id)));
  return [
    ...found('Team', 'events were handed to the team twice', twice),
    ...found(
      'Team',
      'results of sessions that have another outcome, or have not ended',
      otherwise.map(([id]) => id),
    ),
  ];
}

const idOf = ({ id }: EndedSession): string => id;
