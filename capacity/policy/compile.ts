import type { ClassSpec } from '../../crds/classes.ts';
import type { PoolManifest, PoolSpec } from '../../crds/pool.ts';
import type { SubscriptionSpec, UpstreamSpec } from '../../crds/subscriptions.ts';
import { durationMs, type SubscriptionName } from '../../crds/values.ts';
import { countriesOf } from './destinations.ts';
import { type PlacedProject, placedProjects, reachOf } from './eligibility.ts';
import type { ClassPolicy, Policy, ProjectPolicy, SessionBounds, SubscriptionPolicy, UpstreamPolicy } from './policy.ts';
import type { PolicyProblem } from './problem.ts';
import { findProblems } from './problems.ts';
import { findWarnings } from './warnings.ts';

/** What a declaration means. With problems, the policy is still complete, but must not be put into force. */
export type Compiled = {
  readonly policy: Policy;
  readonly problems: readonly PolicyProblem[];
  readonly warnings: readonly PolicyProblem[];
};

/** Makes a declaration ready for decisions: defaults, durations, addresses and names resolved, and what cannot work named. */
export function compilePolicy(manifest: PoolManifest): Compiled {
  const policy = policyOf(manifest);
  return { policy, problems: findProblems(manifest.spec, policy), warnings: findWarnings(manifest.spec, policy) };
}

function policyOf({ metadata, spec }: PoolManifest): Policy {
  const projects = placedProjects(spec);
  const ownNumbers = projects.flatMap(({ project }) => project.phoneNumbers.map(({ number }) => number));
  return {
    pool: metadata.name,
    mode: spec.mode,
    maxConcurrentSessions: spec.budget.maxConcurrentSessions,
    directionLimits: { Inbound: spec.budget.inbound, Outbound: spec.budget.outbound },
    classes: spec.classes.map((one) => classOf(one, spec, projects)).sort((a, b) => b.priority - a.priority),
    subscriptions: spec.subscriptions.map(subscriptionOf),
    projects: projects.map(projectOf),
    upstreams: spec.upstreams.map(upstreamOf),
    destinations: {
      allow: spec.destinations.allow ?? countriesOf(ownNumbers),
      maxDialsPerDay: spec.destinations.maxDialsPerDay,
    },
  };
}

const defaultMaxWait = '2s';

function classOf(spec: ClassSpec, pool: PoolSpec, projects: readonly PlacedProject[]): ClassPolicy {
  return {
    name: spec.name,
    priority: spec.priority,
    direction: spec.direction,
    assistant: spec.assistant,
    reserved: spec.reserved ?? 0,
    reservedAt: reservedAt(spec, pool.subscriptions),
    limit: spec.limit,
    weight: spec.weight,
    match: { dialled: spec.match.dialled, callerPrefixes: spec.match.callers, labels: spec.match.labels },
    ...reachOf(spec, projects),
    affinity: spec.affinity,
    maxWaitMs: durationMs(spec.maxWait ?? defaultMaxWait),
    overflow: spec.overflow[0],
    whenUnavailable: spec.whenUnavailable,
    maxDepth: spec.queue.maxDepth,
    retry: spec.retry && {
      maxAttempts: spec.retry.maxAttempts,
      initialMs: durationMs(spec.retry.backoff.initial),
      maxMs: durationMs(spec.retry.backoff.max),
      on: spec.retry.outcomes,
    },
    session: boundsOf({
      maxDuration: spec.session.maxDuration ?? pool.session.maxDuration,
      ringTimeout: spec.session.ringTimeout ?? pool.session.ringTimeout,
      silenceTimeout: spec.session.silenceTimeout ?? pool.session.silenceTimeout,
    }),
  };
}

/** Only subscriptions that exist: others are a problem of their own. */
function reservedAt(spec: ClassSpec, subscriptions: readonly SubscriptionSpec[]): ReadonlyMap<SubscriptionName, number> | undefined {
  const declared = spec.reservedAt;
  if (declared === undefined) return undefined;
  return new Map(
    subscriptions.flatMap(({ name }): [SubscriptionName, number][] => {
      const slots = Object.hasOwn(declared, name) ? declared[name] : undefined;
      return slots === undefined ? [] : [[name, slots]];
    }),
  );
}

function boundsOf(session: PoolSpec['session']): SessionBounds {
  return {
    maxDurationMs: durationMs(session.maxDuration),
    ringTimeoutMs: durationMs(session.ringTimeout),
    silenceTimeoutMs: durationMs(session.silenceTimeout),
  };
}

function subscriptionOf(spec: SubscriptionSpec): SubscriptionPolicy {
  return {
    name: spec.name,
    accountId: spec.accountId,
    region: spec.region,
    concurrencyLimit: spec.concurrencyLimit,
    safetyMargin: spec.safetyMargin,
    callsPerSecond: perSecond(spec.callsPerSecond),
  };
}

const regionUrls = { us: 'https://api.vapi.ai', eu: 'https://api.eu.vapi.ai' } as const;

/** Address of the provider's API in a region. Keys, numbers and assistants are bound to theirs. */
export function regionUrl(region: 'us' | 'eu'): string {
  return regionUrls[region];
}

function projectOf({ project, subscription }: PlacedProject): ProjectPolicy {
  return {
    name: project.name,
    subscription: subscription.name,
    baseUrl: (project.baseUrl ?? regionUrl(subscription.region)).replace(/\/+$/, ''),
    apiKey: project.apiKeySecretRef,
    webhookSecret: project.webhookSecretRef,
    webhookAuth: project.webhookAuth,
    requestsPerMinute: project.requestsPerMinute,
    weight: project.weight,
    assistants: new Map(project.assistants.map(({ name, id }) => [name, id])),
    phoneNumbers: project.phoneNumbers.map(({ id, number }) => ({ id, number })),
    labels: project.labels,
    upstreams: project.upstreams,
  };
}

function upstreamOf(spec: UpstreamSpec): UpstreamPolicy {
  return {
    name: spec.name,
    concurrencyLimit: spec.concurrencyLimit,
    callsPerSecond: perSecond(spec.callsPerSecond),
    unitsPerSession: spec.unitsPerSession,
  };
}

function perSecond(rate: string | undefined): number | undefined {
  return rate === undefined ? undefined : Number(rate);
}
