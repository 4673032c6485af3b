import { type LedgerAddress, openAddress } from '../ledger/address.ts';
import { type Database, openDatabase } from '../ledger/database.ts';
import { migrate } from '../ledger/migrate.ts';

/** The operator's way to the ledger. One reading at a time for all pools, and policies now and then: few connections do. */
const maxConnections = 3;

export type LedgerDoor = {
  /** The ledger, brought up to this release first. Rejects while that cannot be done; the next call tries again. */
  readonly open: () => Promise<Database>;
  /** What is behind the address now is not what was made ready: the next call makes it so. */
  readonly distrust: () => void;
  readonly close: () => Promise<void>;
};

export function openLedgerDoor(address: LedgerAddress, onError: (error: Error) => void): LedgerDoor {
  let database: Database | undefined;
  let ready: Promise<Database> | undefined;

  async function begin(): Promise<Database> {
    database ??= openDatabase(openAddress(address), { applicationName: 'trunkline operator', maxConnections, onError });
    await migrate(database);
    return database;
  }

  return {
    open: () => {
      ready ??= begin().catch((error: unknown) => {
        ready = undefined;
        throw error;
      });
      return ready;
    },
    distrust: () => {
      ready = undefined;
    },
    close: async () => {
      await Promise.allSettled([ready]); // whoever asked has heard how it went
      await database?.end();
    },
  };
}
