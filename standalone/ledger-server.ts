import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PoolSpec } from '../crds/pool.ts';
import { keepPostgres } from './kept-postgres.ts';
import { rotatingLog } from './rotating-log.ts';
import { SecretsMissing, secretFile } from './secrets.ts';
import type { State } from './state.ts';

/** The ledger's database: the one that the pool names, or an embedded server in the state directory. */
export type LedgerServer = { readonly url: string; readonly reattached: boolean; stop(): Promise<void> };

/** @throws SecretsMissing when the pool names a database whose URL is not there */
export async function openLedger(
  spec: PoolSpec,
  on: { readonly state: State; readonly secrets: string; readonly onEvent: (line: string) => void },
): Promise<LedgerServer> {
  if (spec.ledger === undefined) {
    const log = rotatingLog(join(on.state.logs, 'postgres.log'));
    return keepPostgres({
      directory: on.state.postgres,
      log: (line) => log.write(`${line.trimEnd()}\n`),
      onEvent: on.onEvent,
    });
  }
  const file = secretFile(on.secrets, spec.ledger.secretRef);
  const url = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new SecretsMissing(`${file} (spec.ledger.secretRef) cannot be read: ${error.code ?? error.message}`);
  });
  return { url: url.trim(), reattached: false, stop: async () => undefined };
}
