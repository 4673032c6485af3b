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

/** A token as a secret declares it: by its hash. */
export type DeclaredToken = { readonly hash: Buffer; readonly class: string | undefined };

/** Makes exactly these tokens of the pool's secret valid: new ones come, those whose line is gone go. Issued tokens are left as they are. */
export async function declareTokens(sql: Sql, poolId: PoolId, tokens: readonly DeclaredToken[]): Promise<void> {
  await sql.query({
    name: 'declare-tokens',
    text: `
      with declared as (
        select distinct on (x.hash) decode(x.hash, 'hex') as hash, x.class
        from jsonb_to_recordset($2::jsonb) as x(hash text, class text) order by x.hash, x.class nulls first),
      gone as (
        delete from token where pool_id = $1 and source = 'secret' and not exists (select from declared d where d.hash = token.hash))
      insert into token (pool_id, hash, class, source) select $1, hash, class, 'secret' from declared
      on conflict (pool_id, hash) do update set class = excluded.class
        where token.source = 'secret' and token.class is distinct from excluded.class`,
    values: [poolId, JSON.stringify(tokens.map(({ hash, class: name }) => ({ hash: hash.toString('hex'), class: name ?? null })))],
  });
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
