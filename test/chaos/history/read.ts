import { compilePolicy } from '../../../capacity/policy/compile.ts';
import type { Policy } from '../../../capacity/policy/policy.ts';
import { type PoolSpec, poolSpec } from '../../../crds/pool.ts';
import type { PoolName } from '../../../crds/values.ts';
import { type Database, openDatabase, type Sql } from '../../../ledger/database.ts';
import { byFirstNames, firstNameOf, firstNames } from './by-account.ts';
import type { AttemptFact, History, Limits, SessionFact } from './history.ts';
import { readLogs } from './read-logs.ts';
import { readAcknowledged, readProvider } from './read-truth.ts';

export type HistorySource = {
  readonly ledgerUrl: string;
  readonly pool: PoolName;
  /** `<state>/simulator`: the provider's truth. */
  readonly simulatorDirectory: string;
  /** Where the workers' logs lie. */
  readonly logsDirectory: string;
  /** Whether the provider's answers say its limits. */
  readonly limitsTold: Limits['told'];
};

/** Reads what a run left behind. To be read when it is over: what still moves would be seen in the middle of its way. */
export async function readHistory(source: HistorySource): Promise<History> {
  const failures: Error[] = [];
  const database = openDatabase(source.ledgerUrl, {
    applicationName: 'history',
    maxConnections: 1,
    statementTimeoutMs: 60_000,
    onError: (error) => failures.push(error),
  });
  try {
    const ledger = await readLedger(database, source.pool);
    const [{ calls, changes }, acknowledged, said] = await Promise.all([
      readProvider(source.simulatorDirectory),
      readAcknowledged(source.simulatorDirectory),
      readLogs(source.logsDirectory),
    ]);
    return { ...ledger, calls, limits: { told: source.limitsTold, changes }, acknowledged, said };
  } finally {
    await database.end();
  }
}

type LedgerFacts = Omit<History, 'calls' | 'limits' | 'acknowledged' | 'said'>;

async function readLedger(database: Database, pool: PoolName): Promise<LedgerFacts> {
  const { rows: pools } = await database.query<{ id: number }>('select id from pool where name = $1', [pool]);
  const poolId = pools[0]?.id;
  if (poolId === undefined) throw new Error(`the ledger has no pool ${pool}`);
  const { rows: dispatchers } = await database.query<{ epoch: number; seq: number }>(
    'select epoch::float8 as epoch, decision_seq::float8 as seq from dispatcher where pool_id = $1',
    [poolId],
  );
  const { rows: holds } = await database.query<{ class: string }>(`select class from overlay where pool_id = $1 and class <> ''`, [poolId]);
  const specs = await readSpecs(database, poolId);
  const names = firstNames([...specs].map(([version, spec]) => ({ version, spec })));
  const attempts = await readAttempts(database, poolId);
  return {
    policies: new Map([...specs].map(([version, spec]) => [version, compiled(pool, byFirstNames(names, spec))])),
    dispatcher: dispatchers[0] ?? { epoch: 0, seq: 0 },
    heldClasses: new Set(holds.map((row) => row.class)),
    sessions: await readSessions(database, poolId),
    attempts: attempts.map((attempt) => {
      const spec = attempt.policyVersion === null ? undefined : specs.get(attempt.policyVersion);
      return spec === undefined ? attempt : { ...attempt, subscription: firstNameOf(names, spec, attempt.subscription) };
    }),
  };
}

async function readSpecs(sql: Sql, poolId: number): Promise<ReadonlyMap<number, PoolSpec>> {
  const { rows } = await sql.query<{ version: number; spec: unknown }>(
    'select version::float8 as version, spec from policy where pool_id = $1',
    [poolId],
  );
  return new Map(rows.map(({ version, spec }) => [version, poolSpec.parse(spec)]));
}

function compiled(pool: PoolName, spec: PoolSpec): Policy {
  return compilePolicy({ apiVersion: 'trunkline.dev/v1alpha1', kind: 'VoiceCapacityPool', metadata: { name: pool }, spec }).policy;
}

const ms = (column: string, as: string) => `(extract(epoch from ${column}) * 1000)::float8 as "${as}"`;

async function readSessions(sql: Sql, poolId: number): Promise<readonly SessionFact[]> {
  const { rows } = await sql.query<SessionFact>(
    `select id, class, direction, state, seq::float8 as seq, score, project, number, attempt_id as "attemptId", outcome,
       ${ms('not_before', 'notBeforeMs')}, ${ms('expires_at', 'expiresAtMs')}, ${ms('created_at', 'createdAtMs')}, ${ms('ended_at', 'endedAtMs')},
       ${ms('cancelled_at', 'cancelledAtMs')}
     from session where pool_id = $1 order by seq`,
    [poolId],
  );
  return rows;
}

async function readAttempts(sql: Sql, poolId: number): Promise<readonly AttemptFact[]> {
  const { rows } = await sql.query<AttemptFact>(
    `select id, session_id as "sessionId", class, direction, project, subscription, number, state, refusal, epoch::float8 as epoch, seq::float8 as seq,
       policy_version::float8 as "policyVersion", entered_version::float8 as "enteredVersion", ceiling, in_use as "inUse", probe, call_id as "callId", outcome,
       ${ms('created_at', 'createdAtMs')}, ${ms('admitted_at', 'admittedAtMs')}, ${ms('send_by', 'sendByMs')}, ${ms('sending_at', 'sendingAtMs')},
       ${ms('bound_at', 'boundAtMs')}, ${ms('ended_at', 'endedAtMs')}, ${ms('released_at', 'releasedAtMs')}
     from attempt where pool_id = $1 order by created_at`,
    [poolId],
  );
  return rows;
}
