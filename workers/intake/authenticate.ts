import { timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { findToken, hashToken, type TokenScope } from '../../ledger/tokens.ts';
import type { IntakeDeps } from './deps.ts';
import { Problem } from './problem.ts';

/**
 * Who asks. Tokens are looked up in the ledger and remembered for a second, so that taking one away works at once. An address that keeps sending
 * wrong tokens is not looked up any more for the rest of its minute; tokens that were right lately go through even then, because a proxy may stand
 * between us and many clients.
 */
export type Authenticate = (request: Request) => Promise<TokenScope>;

const rememberMs = 1_000;
const lately = 600_000;
const wrongPerMinute = 20;
/** Tokens of one address that are looked up at once. Guesses that come together would else all pass before the first is known to be wrong. */
const maxAtOnce = 20;
const maxRemembered = 10_000;

export function createAuthenticate(deps: Pick<IntakeDeps, 'database' | 'poolId' | 'now'>): Authenticate {
  const known = new Map<string, { readonly hash: Buffer; readonly scope: TokenScope; readonly atMs: number }>();
  const wrong = new Map<string, { readonly sinceMs: number; readonly count: number }>();

  /** Looked up once, however many requests wait for it. */
  const looking = new Map<string, { readonly address: string; readonly scope: Promise<TokenScope | undefined> }>();

  const lookUp = (key: string, hash: Buffer, address: string): Promise<TokenScope | undefined> => {
    const scope = findToken(deps.database, deps.poolId, hash)
      .then((found) => {
        if (found !== undefined) remember(known, key, { hash, scope: found, atMs: deps.now() });
        else {
          known.delete(key);
          countWrong(address);
        }
        return found;
      })
      .finally(() => looking.delete(key));
    looking.set(key, { address, scope });
    return scope;
  };

  const atOnce = (address: string): number => [...looking.values()].filter((one) => one.address === address).length;

  const countWrong = (address: string): void => {
    const before = wrong.get(address);
    const within = before !== undefined && deps.now() - before.sinceMs < 60_000;
    remember(wrong, address, within ? { sinceMs: before.sinceMs, count: before.count + 1 } : { sinceMs: deps.now(), count: 1 });
  };

  return async (request) => {
    const token = /^Bearer ([\x21-\x7e]{1,500})$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) throw unauthorized('send "Authorization: Bearer TOKEN"; "trunkline token create" makes one');
    const hash = hashToken(token);
    const key = hash.toString('base64');
    const remembered = known.get(key);
    const ageMs = remembered === undefined ? Number.POSITIVE_INFINITY : deps.now() - remembered.atMs;
    if (remembered !== undefined && ageMs < rememberMs && timingSafeEqual(remembered.hash, hash)) return remembered.scope;

    const address = request.socket.remoteAddress ?? '';
    const running = looking.get(key);
    if (running === undefined && ageMs > lately) {
      refuseGuessing(wrong.get(address), deps.now());
      if (atOnce(address) >= maxAtOnce) throw tooManyAtOnce();
    }
    const scope = await (running?.scope ?? lookUp(key, hash, address));
    if (scope === undefined) throw unauthorized('this token is not valid for this pool');
    return scope;
  };
}

function refuseGuessing(seen: { readonly sinceMs: number; readonly count: number } | undefined, nowMs: number): void {
  if (seen === undefined || nowMs - seen.sinceMs >= 60_000 || seen.count < wrongPerMinute) return;
  throw new Problem('too-many-attempts', {
    detail: 'too many wrong tokens came from this address',
    retryAfterSeconds: Math.max(1, Math.ceil((60_000 - (nowMs - seen.sinceMs)) / 1_000)),
  });
}

function tooManyAtOnce(): Problem {
  return new Problem('too-many-attempts', { detail: 'too many unknown tokens came from this address at once', retryAfterSeconds: 1 });
}

function unauthorized(detail: string): Problem {
  return new Problem('token-missing', { detail, field: 'authorization', headers: { 'WWW-Authenticate': 'Bearer realm="trunkline"' } });
}

/** The longest unseen entry goes first, so that strangers cannot make us grow. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= maxRemembered) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
