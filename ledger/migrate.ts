import { type Database, inTransaction } from './database.ts';
import { ledgerSchema } from './migrations/0001-ledger.ts';
import { cancelledAndTokens } from './migrations/0002-cancelled-and-tokens.ts';
import { probes } from './migrations/0003-probes.ts';
import { guards } from './migrations/0004-guard.ts';
import { sweeps } from './migrations/0005-sweeps.ts';
import { orgClaims } from './migrations/0006-org-claims.ts';
import { failingCalls } from './migrations/0007-failing-calls.ts';
import { fleets } from './migrations/0008-fleets.ts';
import { accountNames } from './migrations/0009-account-names.ts';
import { enteredVersions } from './migrations/0010-entered-versions.ts';
import { callHomes } from './migrations/0011-call-homes.ts';

/** Every migration ever released, in order. Forward only: a released one is never edited. */
const migrations: readonly string[] = [
  ledgerSchema,
  cancelledAndTokens,
  probes,
  guards,
  sweeps,
  orgClaims,
  failingCalls,
  fleets,
  accountNames,
  enteredVersions,
  callHomes,
];

/** Serialises migrations of all processes; the number only has to be the same everywhere. */
const migrationLock = 7_421_001;

/** The ledger was written by a newer release than this one. */
export class LedgerTooNew extends Error {
  override readonly name = 'LedgerTooNew';
}

/** The server is older than we support. */
export class PostgresTooOld extends Error {
  override readonly name = 'PostgresTooOld';
}

/**
 * Brings the schema `trunkline` up to this release. Several processes may call it at once: one does the work, the others wait and find it done.
 * @throws LedgerTooNew, PostgresTooOld
 */
export async function migrate(database: Database): Promise<void> {
  const { rows } = await database.query<{ version: number }>(`select current_setting('server_version_num')::int as version`);
  const version = rows[0]?.version ?? 0;
  if (version < 150_000) {
    throw new PostgresTooOld(`PostgreSQL ${Math.floor(version / 10_000)} is too old: Trunkline needs 15 or newer`);
  }
  await inTransaction(database, async (sql) => {
    await sql.query('select pg_advisory_xact_lock($1)', [migrationLock]);
    await sql.query('create schema if not exists trunkline');
    await sql.query(
      'create table if not exists trunkline.migration (version int primary key, applied_at timestamptz not null default now())',
    );
    const { rows: applied } = await sql.query<{ newest: number }>('select coalesce(max(version), 0) as newest from trunkline.migration');
    const newest = applied[0]?.newest ?? 0;
    if (newest > migrations.length) {
      throw new LedgerTooNew(`the ledger has schema ${newest}, this release knows ${migrations.length}: upgrade Trunkline here as well`);
    }
    for (const [index, statements] of migrations.entries()) {
      if (index < newest) continue;
      await sql.query(statements);
      await sql.query('insert into trunkline.migration (version) values ($1)', [index + 1]);
    }
  });
}

/** The ledger has not been brought up to this release yet. */
export class LedgerBehind extends Error {
  override readonly name = 'LedgerBehind';
}

/**
 * Makes sure that the ledger has every table that this release reads. A newer one serves as well: releases only add to it.
 * @throws LedgerBehind
 */
export async function requireMigrated(database: Database): Promise<void> {
  const { rows } = await database.query<{ there: boolean }>(`select to_regclass('trunkline.migration') is not null as there`);
  const { rows: applied } = rows[0]?.there
    ? await database.query<{ newest: number }>('select coalesce(max(version), 0) as newest from trunkline.migration')
    : { rows: [] };
  const newest = applied[0]?.newest ?? 0;
  if (newest >= migrations.length) return;
  throw new LedgerBehind(
    `the ledger has schema ${newest}, and this release needs ${migrations.length}: the operator or \`trunkline up\` of this release brings it there`,
  );
}
