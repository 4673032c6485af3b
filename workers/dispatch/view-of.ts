import type { ClassPolicy } from '../../capacity/policy/policy.ts';
import { withheldBySubscription } from '../../capacity/reservations/withholding.ts';
import type { ClassView, PoolView, ProjectView, SubscriptionView } from '../../capacity/view.ts';
import type { UpstreamName } from '../../crds/values.ts';
import { type Desk, guardedBy } from './desk.ts';

/** The pool as the dispatcher sees it now. */
export function viewOf(desk: Desk): PoolView {
  const nowMs = desk.clock.now();
  const counts = desk.book.inUse();
  const inUse = (matches: (count: (typeof counts)[number]) => boolean) =>
    counts.reduce((sum, count) => (matches(count) ? sum + count.slots : sum), 0);
  const subscriptions = subscriptionViews(desk);
  const pauses = desk.learning.pauses(desk.policy, nowMs);
  return {
    pool: desk.policy.pool,
    atMs: nowMs,
    epoch: desk.epoch,
    policyVersion: desk.policyVersion,
    mode: desk.policy.mode,
    holds: { pool: desk.holds.pool, classes: [...desk.holds.classes] },
    ...(desk.guard === undefined ? {} : { guard: { ...guardedBy(desk, desk.guard), sinceMs: desk.guard.raisedAtMs } }),
    slots: {
      inUse: sum(subscriptions.map((subscription) => subscription.inUse)),
      ceiling: Math.min(
        sum(subscriptions.map((subscription) => subscription.ceiling)),
        desk.policy.maxConcurrentSessions ?? Number.POSITIVE_INFINITY,
      ),
      limit: sum(subscriptions.map((subscription) => subscription.limit)),
    },
    directions: {
      Inbound: { inUse: inUse((count) => count.direction === 'Inbound'), limit: desk.policy.directionLimits.Inbound ?? null },
      Outbound: { inUse: inUse((count) => count.direction === 'Outbound'), limit: desk.policy.directionLimits.Outbound ?? null },
    },
    subscriptions,
    upstreams: desk.policy.upstreams.map((upstream) => ({
      name: upstream.name,
      unitsInUse: upstream.unitsPerSession * channels(desk, upstream.name),
      limit: upstream.concurrencyLimit ?? null,
    })),
    projects: desk.policy.projects.map(
      (project): ProjectView => ({
        name: project.name,
        subscription: project.subscription,
        inUse: projectLines(desk, project.name),
        paused: pauses.get(project.name)?.reason ?? null,
      }),
    ),
    classes: desk.policy.classes.map((declared) => classView(desk, declared, nowMs)),
    callsPerSecond: desk.statistics.creationsPerSecond(nowMs),
    load: desk.statistics.load(nowMs),
    decisions: desk.decisions,
  };
}

function subscriptionViews(desk: Desk): readonly SubscriptionView[] {
  const withheld = desk.plan === undefined ? new Map<string, number>() : withheldBySubscription(desk.plan, desk.policy);
  return desk.policy.subscriptions.map((subscription) => {
    const { ceiling, foreign, probing } = desk.learning.ceiling(subscription, desk.book);
    return {
      name: subscription.name,
      limit: subscription.concurrencyLimit,
      learnedLimit: desk.learning.learnedLimit(subscription.name),
      ceiling,
      inUse: desk.book.held(subscription.name),
      cooling: desk.cooling.count(subscription.name),
      withheld: withheld.get(subscription.name) ?? 0,
      foreign,
      probing,
      releaseLagMs: Math.round(desk.learning.releaseLagMs(subscription.name)),
    };
  });
}

function classView(desk: Desk, declared: ClassPolicy, nowMs: number): ClassView {
  const waiting = [...desk.arrivals.values()].filter((attempt) => attempt.class === declared.name);
  const oldestMs = Math.min(
    ...waiting.map((attempt) => attempt.session?.readyAtMs ?? nowMs),
    desk.oldestReadyMs.get(declared.name) ?? Number.POSITIVE_INFINITY,
  );
  return {
    name: declared.name,
    priority: declared.priority,
    direction: declared.direction,
    queued: (desk.queued.get(declared.name) ?? 0) + waiting.length,
    inUse: desk.book.classSlots(declared.name),
    reserved: declared.reservedAt === undefined ? declared.reserved : sum([...declared.reservedAt.values()]),
    withheld: sum([...(desk.plan?.get(declared.name)?.values() ?? [])]),
    limit: declared.limit ?? null,
    oldestWaitMs: Number.isFinite(oldestMs) ? Math.max(0, nowMs - oldestMs) : null,
    ...desk.statistics.waits(declared.name, nowMs),
    blocked: desk.blocked.get(declared.name) ?? null,
  };
}

/** Lines of whichever policy that go through an upstream. */
function channels(desk: Desk, upstream: UpstreamName): number {
  const through = [...desk.book.inUse(), ...desk.book.pending()].filter(({ upstreams }) => upstreams?.includes(upstream));
  return sum(through.map(({ slots }) => slots)) + (desk.book.foreignChannels().get(upstream) ?? 0);
}

function projectLines(desk: Desk, project: string): number {
  return (
    sum(
      desk.book
        .inUse()
        .filter((count) => count.project === project)
        .map((count) => count.slots),
    ) +
    sum(
      desk.book
        .pending()
        .filter((count) => count.project === project)
        .map((count) => count.slots),
    )
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
