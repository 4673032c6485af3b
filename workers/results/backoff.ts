/** When a delivery that failed is tried again: 12 tries over about 20 hours, then never. */
const maxTries = 12;
const firstMs = 15_000;
const factor = 2.2;
/** Even an address that asks for more patience is tried again within an hour. */
const maxRetryAfterMs = 3_600_000;

/**
 * Milliseconds to the next try after this many (the first is 1), or undefined when it was the last. Spread by a fifth either way, so that a team's
 * address that comes back is not met by everything at once.
 */
export function nextTryInMs(tries: number, random: number, retryAfterMs: number | undefined): number | undefined {
  if (tries >= maxTries) return undefined;
  const spread = firstMs * factor ** (tries - 1) * (0.8 + 0.4 * random);
  return Math.round(Math.max(spread, Math.min(retryAfterMs ?? 0, maxRetryAfterMs)));
}

/** Milliseconds that a `Retry-After` of seconds asks for; dates and nonsense ask for nothing. */
export function retryAfterMs(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined;
}
