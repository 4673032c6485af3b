import type { Logger } from 'pino';
import type { SecretRef } from '../crds/values.ts';
import type { Database } from '../ledger/database.ts';
import type { PoolId } from '../ledger/policy.ts';
import { type DeclaredToken, declareTokens } from '../ledger/tokens.ts';
import type { Secrets } from './secrets.ts';

/** `HASH` or `HASH CLASS`: the SHA-256 of a token in hex, and the one class that it reaches. */
const line = /^([0-9a-f]{64})(?:\s+([a-z0-9]([-a-z0-9]*[a-z0-9])?))?$/i;

/** The tokens that the lines declare, and the numbers of the lines that declare none. */
export function readTokenLines(lines: readonly string[]): {
  readonly tokens: readonly DeclaredToken[];
  readonly unreadable: readonly number[];
} {
  const tokens: DeclaredToken[] = [];
  const unreadable: number[] = [];
  for (const [index, text] of lines.entries()) {
    if (text.startsWith('#')) continue;
    const [, hash, className] = line.exec(text) ?? [];
    if (hash === undefined) unreadable.push(index + 1);
    else tokens.push({ hash: Buffer.from(hash, 'hex'), class: className });
  }
  return { tokens, unreadable };
}

/**
 * Keeps the intake tokens of the pool's secret (`intake.tokensSecretRef`) in the ledger. A file that cannot be read changes nothing: tokens go when
 * their line or the reference goes, not when a mount is away for a moment.
 */
export function openDeclaredTokens(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly secretRef: () => SecretRef | undefined;
  readonly secrets: Secrets;
  readonly log: Logger;
}): { refresh(): Promise<void> } {
  let inForce: string | undefined;
  return {
    async refresh() {
      const ref = deps.secretRef();
      const lines = ref === undefined ? [] : await deps.secrets.readAll(ref);
      const version = lines.join('\n');
      if (version === inForce) return;
      const { tokens, unreadable } = readTokenLines(lines);
      if (unreadable.length > 0) {
        deps.log.warn(
          { lines: unreadable },
          'intake.tokensSecretRef: lines that are no SHA-256 in hex, with or without a class, declare no token',
        );
      }
      await declareTokens(deps.database, deps.poolId, tokens);
      inForce = version;
    },
  };
}
