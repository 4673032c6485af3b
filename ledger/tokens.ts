import { createHash, randomBytes } from 'node:crypto';
import type { ClassName } from '../crds/values.ts';
import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/** Intake tokens. The ledger holds their SHA-256 only: a token is 256 random bits, so a slow hash would protect nothing more. */

/** What a token allows: everything in its pool, or one class of it. */
export type TokenScope = { readonly class: ClassName | undefined };

/** A new token. It is shown once, to who asked for it. */
export function newToken(): string {
  return `tl_${randomBytes(32).toString('base64url')}`;
}

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Makes the token valid; the scope of one that is valid already is set anew. */
export async function ensureToken(sql: Sql, poolId: PoolId, token: string, className?: ClassName): Promise<void> {
  await sql.query(
    `insert into token (pool_id, hash, class) values ($1, $2, $3)
     on conflict (pool_id, hash) do update set class = excluded.class where token.class is distinct from excluded.class`,
    [poolId, hashToken(token), className ?? null],
  );
}

/** Finds a token by its hash. The hash is looked up, never the token, so what an index gives away about time says nothing about a token. */
export async function findToken(sql: Sql, poolId: PoolId, hash: Buffer): Promise<TokenScope | undefined> {
  const { rows } = await sql.query<{ class: ClassName | null }>({
    name: 'find-token',
    text: 'select class from token where pool_id = $1 and hash = $2',
    values: [poolId, hash],
  });
  const row = rows[0];
  return row === undefined ? undefined : { class: row.class ?? undefined };
}
