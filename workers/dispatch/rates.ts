import { z } from 'zod';
import type { LimiterName, RateStates } from '../../capacity/admission/snapshot.ts';
import type { AccountKeys } from '../../capacity/policy/account-keys.ts';
import { type RateState, untilNow } from '../../capacity/rates/limiter.ts';

/**
 * How fast was dialled lately, as it is kept: for a subscription by its account, whose calls per second it is, and not by the name that it has for a
 * while.
 */

const rateState = z.array(z.object({ sinceMs: z.number(), untilMs: z.number(), count: z.number() }));
const isLimiterName = (name: string): name is LimiterName => /^(subscription|upstream|project)\//.test(name);

/** What earlier dispatchers left; what does not parse is nothing of ours. */
export function keptRates(limiters: ReadonlyMap<string, unknown>, nowMs: number): Map<LimiterName, RateState> {
  const rates = new Map<LimiterName, RateState>();
  for (const [name, state] of limiters) {
    const parsed = rateState.safeParse(state);
    if (parsed.success && isLimiterName(name)) rates.set(name, untilNow(parsed.data, nowMs));
  }
  return rates;
}

/** By the names of the policy in force. */
export function ratesByName(kept: RateStates, accounts: AccountKeys): RateStates {
  const rates = new Map([...kept].filter(([name]) => !name.startsWith('subscription/')));
  for (const [name, { key, former }] of accounts) {
    for (const one of [key, ...former]) {
      const state = kept.get(`subscription/${one}`);
      if (state === undefined) continue;
      rates.set(`subscription/${name}`, state);
      break;
    }
  }
  return rates;
}

/** The states that a decision moved, as they are kept. */
export function movedRates(before: RateStates, after: RateStates, accounts: AccountKeys): RateStates {
  const moved = new Map<LimiterName, RateState>();
  const keys = new Map([...accounts].map(([name, { key }]) => [`subscription/${name}`, `subscription/${key}` as const]));
  for (const [name, state] of after) if (before.get(name) !== state) moved.set(keys.get(name) ?? name, state);
  return moved;
}
