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
    const states = [key, ...former].map((one) => kept.get(`subscription/${one}`)).filter((state) => state !== undefined);
    const [newest] = former.length === 0 ? states : states.toSorted((a, b) => lastDialMs(b) - lastDialMs(a));
    if (newest !== undefined) rates.set(`subscription/${name}`, newest);
  }
  return rates;
}

/** An earlier release, or a time without a declared account, may have written under another key since. */
const lastDialMs = (state: RateState): number => Math.max(0, ...state.map(({ untilMs }) => untilMs));

/** The states that a decision moved, as they are kept. */
export function movedRates(before: RateStates, after: RateStates, accounts: AccountKeys): RateStates {
  const moved = new Map<LimiterName, RateState>();
  const keys = new Map([...accounts].map(([name, { key }]) => [`subscription/${name}`, `subscription/${key}` as const]));
  for (const [name, state] of after) if (before.get(name) !== state) moved.set(keys.get(name) ?? name, state);
  return moved;
}
