import type { LimiterName } from '../admission/snapshot.ts';
import type { Policy, ProjectPolicy } from '../policy/policy.ts';
import { pollingShare } from './minute-budget.ts';

/**
 * Calls per second. A limiter remembers the creations of its window and lets at most so many through in any window of that length: exact at every
 * instant, and without the gaps that an even spacing would leave in lines that are free. What it remembers is small enough to be committed with the
 * admission, and right again after any pause.
 */
export type Limiter = { readonly name: LimiterName; readonly perWindow: number; readonly windowMs: number };

/** Creations of the last window, oldest first; those of one cell count until its last one has left the window. */
export type RateState = readonly RateCell[];
export type RateCell = { readonly sinceMs: number; readonly untilMs: number; readonly count: number };

/**
 * How much later than its admission a creation may be sent. A claim that is later is paced again.
 *
 * The rate has to hold where the provider counts, and two admissions can be squeezed together on the way there: by this much until they are sent, and
 * by {@link transitMs} behind it. So windows of admissions are longer by both: what arrives within any one second was admitted within a second and these.
 */
export const sendWindowMs = 100;

/** How much longer one request may be on its way than another: the first one opens connections, and the provider is not always equally fast. */
export const transitMs = 150;

const slackMs = sendWindowMs + transitMs;

/** Up to this many creations are remembered one by one; faster rates are remembered in so many cells. */
const cells = 20;

/** The limit of a rate: at `2` two in any 1.25 s, at `0.5` one in any 2.25 s. Above one a second, fractions are rounded down. */
export function rateOf(callsPerSecond: number): { readonly perWindow: number; readonly windowMs: number } {
  if (callsPerSecond < 1) return { perWindow: 1, windowMs: 1_000 / callsPerSecond + slackMs };
  return { perWindow: Math.floor(callsPerSecond), windowMs: 1_000 + slackMs };
}

/** The limiters that an outbound creation in the project passes: its subscription's, each upstream's, and the project's share of requests. */
export function limitersOf(policy: Policy, project: ProjectPolicy): readonly Limiter[] {
  const limiters: Limiter[] = [];
  const subscription = policy.subscriptions.find(({ name }) => name === project.subscription);
  if (subscription?.callsPerSecond !== undefined) {
    limiters.push({ name: `subscription/${subscription.name}`, ...rateOf(subscription.callsPerSecond) });
  }
  for (const upstream of policy.upstreams) {
    if (upstream.callsPerSecond === undefined || !project.upstreams.includes(upstream.name)) continue;
    limiters.push({ name: `upstream/${upstream.name}`, ...rateOf(upstream.callsPerSecond) });
  }
  // A project whose polling needs every request still creates one call a minute rather than none.
  const perMinute = Math.max(1, project.requestsPerMinute - pollingShare(project.requestsPerMinute));
  limiters.push({ name: `project/${project.name}`, perWindow: perMinute, windowMs: 60_000 });
  return limiters;
}

/** The limiter that holds a creation back, and the instant at which it no longer does. */
export type RateWait = { readonly limiter: LimiterName; readonly retryAtMs: number };

/** The limiter that lets through last, and when. Undefined when all let through now. */
export function heldBack(limiters: readonly Limiter[], rates: ReadonlyMap<LimiterName, RateState>, nowMs: number): RateWait | undefined {
  let last: RateWait | undefined;
  for (const limiter of limiters) {
    const retryAtMs = opensAtMs(limiter, rates.get(limiter.name) ?? [], nowMs);
    if (retryAtMs > nowMs && (last === undefined || retryAtMs > last.retryAtMs)) last = { limiter: limiter.name, retryAtMs };
  }
  return last;
}

/** Lets one creation through. */
export function passThrough(limiters: readonly Limiter[], rates: Map<LimiterName, RateState>, nowMs: number): void {
  for (const limiter of limiters) rates.set(limiter.name, remember(limiter, rates.get(limiter.name) ?? [], nowMs));
}

/** After the clock was set back: what is remembered of the future happened just now, or the window would stay full until that future comes. */
export function untilNow(state: RateState, nowMs: number): RateState {
  if (state.every((cell) => cell.untilMs <= nowMs)) return state;
  return state.map(({ sinceMs, untilMs, count }) => ({ sinceMs: Math.min(sinceMs, nowMs), untilMs: Math.min(untilMs, nowMs), count }));
}

function opensAtMs({ perWindow, windowMs }: Limiter, state: RateState, nowMs: number): number {
  let inWindow = 0;
  for (const cell of state) if (cell.untilMs + windowMs > nowMs) inWindow += cell.count;
  for (const cell of state) {
    if (inWindow < perWindow) return nowMs;
    if (cell.untilMs + windowMs <= nowMs) continue;
    inWindow -= cell.count;
    if (inWindow < perWindow) return cell.untilMs + windowMs;
  }
  return nowMs;
}

function remember({ perWindow, windowMs }: Limiter, state: RateState, nowMs: number): RateState {
  const kept = state.filter((cell) => cell.untilMs + windowMs > nowMs);
  const last = kept.at(-1);
  const shares = perWindow > cells && last !== undefined && nowMs - last.sinceMs < windowMs / cells;
  if (!shares) return [...kept, { sinceMs: nowMs, untilMs: nowMs, count: 1 }];
  return [...kept.slice(0, -1), { sinceMs: last.sinceMs, untilMs: Math.max(last.untilMs, nowMs), count: last.count + 1 }];
}
