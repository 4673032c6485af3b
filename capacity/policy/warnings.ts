import type { PoolSpec } from '../../crds/pool.ts';
import { durationMs, type SubscriptionName } from '../../crds/values.ts';
import { statefulnessOf } from '../scaling/compile.ts';
import { usableSubscriptions } from './eligibility.ts';
import type { ClassPolicy, Direction, Policy } from './policy.ts';
import { listed, type PolicyProblem } from './problem.ts';

/** What works, but may surprise. */
export function findWarnings(spec: PoolSpec, policy: Policy): readonly PolicyProblem[] {
  return [...unguardedInbound(spec), ...nothingToDial(spec, policy), ...starvingClasses(spec, policy), ...forgottenCalls(spec, policy)];
}

function unguardedInbound(spec: PoolSpec): readonly PolicyProblem[] {
  const inbound = spec.classes.filter(({ direction }) => direction !== 'Outbound').map(({ name }) => name);
  if (spec.publicUrl !== undefined || inbound.length === 0) return [];
  return [
    {
      path: ['spec', 'publicUrl'],
      message: `InboundUnguarded: without it the provider cannot ask before it takes a call, so calls of ${listed(inbound)} are seen and counted, but neither admitted nor refused`,
    },
  ];
}

function nothingToDial(spec: PoolSpec, policy: Policy): readonly PolicyProblem[] {
  const outbound = spec.classes.filter(({ direction }) => direction !== 'Inbound').map(({ name }) => name);
  if (policy.destinations.allow.length > 0 || outbound.length === 0) return [];
  const message = `no number may be dialled, so ${listed(outbound)} can place no call: none of the pool's numbers belongs to a country; name countries or prefixes in allow`;
  return [{ path: ['spec', 'destinations'], message }];
}

/** Lower priorities wait as long as higher ones want every slot that they could use. `reserved` is the remedy. */
function starvingClasses(spec: PoolSpec, policy: Policy): readonly PolicyProblem[] {
  return spec.classes.flatMap(({ name }, index) => {
    const one = policy.classes.find((candidate) => candidate.name === name);
    if (one === undefined || reservesSomething(one)) return [];
    const above = policy.classes.filter(({ priority }) => priority > one.priority);
    const usable = usableSubscriptions(one, policy);
    if (above.length === 0 || usable.length === 0 || !usable.every((subscription) => canFill(subscription, above, policy))) return [];
    const rivals = above.filter((rival) => usable.some((subscription) => usableSubscriptions(rival, policy).includes(subscription)));
    return [
      {
        path: ['spec', 'classes', index],
        message: `class ${name} may starve: ${listed(rivals.map((rival) => rival.name))} can take every slot it could use, at a higher priority; give it reserved, or them a limit`,
      },
    ];
  });
}

/** Whether classes together can take all slots of a subscription, their limits and the direction limits considered. */
function canFill(subscription: SubscriptionName, classes: readonly ClassPolicy[], policy: Policy): boolean {
  const declared = policy.subscriptions.find(({ name }) => name === subscription);
  if (declared === undefined) return false;
  const rivals = classes.filter((one) => usableSubscriptions(one, policy).includes(subscription));
  const most = (direction: Direction | 'Any') =>
    rivals.filter((one) => one.direction === direction).reduce((total, { limit }) => total + (limit ?? Number.POSITIVE_INFINITY), 0);
  const { Inbound, Outbound } = policy.directionLimits;
  const inbound = Math.min(most('Inbound'), Inbound ?? Number.POSITIVE_INFINITY);
  const outbound = Math.min(most('Outbound'), Outbound ?? Number.POSITIVE_INFINITY);
  return inbound + outbound + most('Any') >= declared.concurrencyLimit - declared.safetyMargin;
}

function reservesSomething(one: ClassPolicy): boolean {
  return one.reserved > 0 || [...(one.reservedAt?.values() ?? [])].some((slots) => slots > 0);
}

/** A worker that leaves waits for its calls no longer than it may drain. */
function forgottenCalls({ handler, workers }: PoolSpec, policy: Policy): readonly PolicyProblem[] {
  const longestMs = Math.max(...policy.classes.map(({ session }) => session.maxDurationMs));
  if (statefulnessOf(handler) === 'stateless' || durationMs(workers.drain.timeout) >= longestMs) return [];
  return [
    {
      path: ['spec', 'workers', 'drain', 'timeout'],
      message: `calls last up to ${longestMs / 1_000} s: with less, a worker that leaves takes along what a stateful handler knows of longer ones`,
    },
  ];
}
