import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { readVariables } from '../crds/variables.ts';
import { LedgerUrlMissing, openAddress } from '../ledger/address.ts';
import { openDatabase } from '../ledger/database.ts';
import { migrate } from '../ledger/migrate.ts';
import { troubleOf } from '../ledger/trouble.ts';
import { addressIn, ledgerVariables } from '../workers/environment.ts';
import { onLeave, run, say } from './role.ts';

/** Brings the ledger up to this release, and leaves. It waits for the ledger, because it is started together with it. */

const variables = z.object({
  ...ledgerVariables,
  /** Longest that the ledger is waited for. */
  TRUNKLINE_WITHIN_SECONDS: z.coerce.number().min(1).max(86_400).default(300),
});

const pauseMs = 500;

onLeave(() => process.exit(143));
await run(async () => {
  const environment = readVariables(variables, process.env);
  const deadlineMs = performance.now() + environment.TRUNKLINE_WITHIN_SECONDS * 1_000;
  for (let said = ''; ; ) {
    const trouble = await tryToMigrate();
    if (trouble === undefined) break;
    if (performance.now() > deadlineMs) throw trouble;
    if (trouble.message !== said) say(`waiting for the ledger: ${trouble.message}`);
    said = trouble.message;
    await sleep(pauseMs);
  }
  say('the ledger is up to date');

  /** What may pass by itself is returned. */
  async function tryToMigrate(): Promise<Error | undefined> {
    try {
      const database = openDatabase(openAddress(addressIn(environment)), {
        applicationName: 'trunkline migrate',
        maxConnections: 1,
        statementTimeoutMs: 600_000,
        onError: (error) => say(`connection lost: ${error.message}`),
      });
      await migrate(database).finally(() => database.end());
      return undefined;
    } catch (error) {
      if (error instanceof LedgerUrlMissing) return error;
      if (error instanceof Error && troubleOf(error) !== 'defect') return error;
      throw error;
    }
  }
});
