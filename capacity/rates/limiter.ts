import type { LimiterName } from '../admission/snapshot.ts';
import type { Policy, ProjectPolicy } from '../policy/policy.ts';
import { pollingShare } from './minute-budget.ts';

/**
 * Calls per second. Each limiter is one instant, the next one at which it lets a creation through (the generic cell rate algorithm):
 * small enough to be committed with the admission, and right again after any pause.
 */
export type Limiter = {
  readonly name: LimiterName;
  readonly spacingMs: number;
  /** How far ahead of its spacing a limiter may run. Nothing for calls per second; a little for what is counted per minute. */
  readonly burstMs: number;
};

/**
 * How much later than its admission a creation may be sent. A claim that is later is paced again.
 *
 * The rate has to hold where the provider counts, at sending. Two admissions can be squeezed together there by as much as this window, so they are
 * spaced wider: with n = ⌈callsPerSecond⌉, n spacings are at least one second plus the window, hence no sliding second sees more than n.
 */
export const sendWindowMs = 100;

/** Milliseconds between two admissions. At 2 per second: 500 + 50. */
export function spacingMs(callsPerSecond: number): number {
  return 1_000 / callsPerSecond + sendWindowMs / Math.max(1, callsPerSecond);
}

/** The limiters that an outbound creation in the project passes: its subscription's, each upstream's, and the project's share of requests. */
export function limitersOf(policy: Policy, project: ProjectPolicy): readonly Limiter[] {
  const limiters: Limiter[] = [];
  const subscription = policy.subscriptions.find(({ name }) => name === project.subscription);
  if (subscription?.callsPerSecond !== undefined) {
    limiters.push({ name: `subscription/${subscription.name}`, spacingMs: spacingMs(subscription.callsPerSecond), burstMs: 0 });
  }
  for (const upstream of policy.upstreams) {
    if (upstream.callsPerSecond === undefined || !project.upstreams.includes(upstream.name)) continue;
    limiters.push({ name: `upstream/${upstream.name}`, spacingMs: spacingMs(upstream.callsPerSecond), burstMs: 0 });
  }
  limiters.push(creationLimiter(project));
  return limiters;
}

/**
 * Creations within the project's requests per minute, beside what polling keeps: 60 per minute leave 42. The provider counts per minute, so a
 * project that may make more than one a second may make a second's worth at once; the spacing pays for that, and no minute sees more than its share.
 */
function creationLimiter({ name, requestsPerMinute }: ProjectPolicy): Limiter {
  // A project whose polling needs every request still creates one call a minute rather than none.
  const perMinute = Math.max(1, requestsPerMinute - pollingShare(requestsPerMinute));
  const burstMs = perMinute > 60 ? 1_000 : 0;
  return { name: `project/${name}`, spacingMs: (60_000 + burstMs + sendWindowMs) / perMinute, burstMs };
}

/** The limiter that holds a creation back, and the instant at which it no longer does. */
export type RateWait = { readonly limiter: LimiterName; readonly retryAtMs: number };

/** The limiter that lets through last, and when. Undefined when all let through now. */
export function heldBack(limiters: readonly Limiter[], rates: ReadonlyMap<LimiterName, number>, nowMs: number): RateWait | undefined {
  let last: RateWait | undefined;
  for (const { name } of limiters) {
    const nextMs = rates.get(name) ?? nowMs;
    if (nextMs > nowMs && (last === undefined || nextMs > last.retryAtMs)) last = { limiter: name, retryAtMs: nextMs };
  }
  return last;
}

/** Lets one creation through. */
export function passThrough(limiters: readonly Limiter[], rates: Map<LimiterName, number>, nowMs: number): void {
  for (const { name, spacingMs, burstMs } of limiters) {
    const idleMs = nowMs - burstMs;
    rates.set(name, Math.max(rates.get(name) ?? idleMs, idleMs) + spacingMs);
  }
}
