import type { Pause, Snapshot, Waiting } from '../../capacity/admission/snapshot.ts';
import type { ClassPolicy, Direction, Policy, ProjectPolicy, SubscriptionPolicy, UpstreamPolicy } from '../../capacity/policy/policy.ts';
import {
  type AssistantName,
  assistantName,
  type ClassName,
  className,
  type Labels,
  type ProjectName,
  poolName,
  projectName,
  type SubscriptionName,
  subscriptionName,
  type UpstreamName,
  upstreamName,
} from '../../crds/values.ts';

/** Builders of pools and waiting sessions for tests: a test names what it is about, everything else is generous. */

export const aClass = (name: string): ClassName => className.parse(name);
export const aProject = (name: string): ProjectName => projectName.parse(name);
export const aSubscription = (name: string): SubscriptionName => subscriptionName.parse(name);
export const anUpstream = (name: string): UpstreamName => upstreamName.parse(name);
const anAssistant: AssistantName = assistantName.parse('assistant');

/** The instant of every snapshot unless a test says otherwise. */
export const nowMs = 1_000_000_000;

export type ProjectTraits = {
  readonly name: string;
  readonly upstreams?: readonly string[];
  readonly weight?: number;
  readonly requestsPerMinute?: number;
  readonly labels?: Labels;
};

export type ClassTraits = {
  readonly priority?: number;
  readonly direction?: Direction | 'Any';
  readonly reserved?: number;
  readonly reservedAt?: Readonly<Record<string, number>>;
  readonly limit?: number;
  readonly weight?: number;
  /** Where it may run; absent: everywhere. */
  readonly projects?: readonly string[];
  readonly affinity?: readonly string[];
  readonly match?: Partial<ClassPolicy['match']>;
};

type ActiveSlots = {
  readonly class: string;
  readonly project: string | undefined;
  readonly direction: Direction | undefined;
  readonly slots: number;
};

type State = {
  readonly limits: { readonly total?: number; readonly inbound?: number; readonly outbound?: number };
  readonly mode: Policy['mode'];
  readonly subscriptions: readonly (SubscriptionPolicy & { readonly ceiling: number | undefined })[];
  readonly projects: readonly ProjectPolicy[];
  readonly upstreams: readonly UpstreamPolicy[];
  readonly classes: readonly { readonly name: string; readonly traits: ClassTraits }[];
  readonly active: readonly ActiveSlots[];
  readonly pending: readonly { readonly project: string; readonly slots: number }[];
  readonly pauses: Readonly<Record<string, Pause>>;
  readonly held: { readonly pool: boolean; readonly classes: readonly string[] };
};

const nothing: State = {
  limits: {},
  mode: 'Active',
  subscriptions: [],
  projects: [],
  upstreams: [],
  classes: [],
  active: [],
  pending: [],
  pauses: {},
  held: { pool: false, classes: [] },
};

export function aPool(): PoolBuilder {
  return new PoolBuilder(nothing);
}

export class PoolBuilder {
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
  }

  /** A subscription whose ceiling is its limit, with one project of its name unless others are given. */
  withSubscription(
    name: string,
    limit: number,
    traits: { readonly projects?: readonly (string | ProjectTraits)[]; readonly callsPerSecond?: number } = {},
  ): PoolBuilder {
    const projects = (traits.projects ?? [name]).map((project) =>
      this.#project(name, typeof project === 'string' ? { name: project } : project),
    );
    const subscription = {
      name: aSubscription(name),
      accountId: undefined,
      region: 'us' as const,
      concurrencyLimit: limit,
      safetyMargin: 0,
      callsPerSecond: traits.callsPerSecond,
      ceiling: limit,
    };
    return this.#with({ subscriptions: [...this.#state.subscriptions, subscription], projects: [...this.#state.projects, ...projects] });
  }

  withUpstream(
    name: string,
    limit: number | undefined,
    traits: { readonly unitsPerSession?: number; readonly callsPerSecond?: number } = {},
  ): PoolBuilder {
    const upstream = {
      name: anUpstream(name),
      concurrencyLimit: limit,
      callsPerSecond: traits.callsPerSecond,
      unitsPerSession: traits.unitsPerSession ?? 1,
    };
    return this.#with({ upstreams: [...this.#state.upstreams, upstream] });
  }

  withClass(name: string, traits: ClassTraits = {}): PoolBuilder {
    return this.#with({ classes: [...this.#state.classes, { name, traits }] });
  }

  withLimits(limits: State['limits']): PoolBuilder {
    return this.#with({ limits });
  }

  inMode(mode: Policy['mode']): PoolBuilder {
    return this.#with({ mode });
  }

  /** Slots in use per class; in its first project, unless one is named. */
  withActive(active: Readonly<Record<string, number>>, project?: string, direction?: Direction): PoolBuilder {
    const slots = Object.entries(active).map(([name, count]) => ({ class: name, project, direction, slots: count }));
    return this.#with({ active: [...this.#state.active, ...slots] });
  }

  /** Callers inside `assistant-request`. */
  withPending(project: string, slots: number): PoolBuilder {
    return this.#with({ pending: [...this.#state.pending, { project, slots }] });
  }

  /** What the subscription's ceiling is now; undefined: unknown. */
  withCeiling(name: string, ceiling: number | undefined): PoolBuilder {
    return this.#with({ subscriptions: this.#state.subscriptions.map((known) => (known.name === name ? { ...known, ceiling } : known)) });
  }

  withPause(project: string, until: Pause['until'] = 'closed', stops: Pause['stops'] = 'everything'): PoolBuilder {
    return this.#with({ pauses: { ...this.#state.pauses, [project]: { until, reason: 'failing calls', stops } } });
  }

  held(held: Partial<State['held']>): PoolBuilder {
    return this.#with({ held: { ...this.#state.held, ...held } });
  }

  policy(): Policy {
    const { limits, mode, subscriptions, projects, upstreams, classes } = this.#state;
    return {
      pool: poolName.parse('pool'),
      mode,
      maxConcurrentSessions: limits.total,
      directionLimits: { Inbound: limits.inbound, Outbound: limits.outbound },
      classes: classes.map(({ name, traits }) => this.#class(name, traits)).sort((a, b) => b.priority - a.priority),
      subscriptions: subscriptions.map(({ ceiling: _, ...subscription }) => subscription),
      projects,
      upstreams,
      destinations: { allow: ['+1'], maxDialsPerDay: 3 },
    };
  }

  snapshot(changes: Partial<Snapshot> = {}): Snapshot {
    const policy = this.policy();
    const { active, pending, pauses, held, subscriptions } = this.#state;
    return {
      policy,
      nowMs,
      ceilings: new Map(subscriptions.flatMap(({ name, ceiling }) => (ceiling === undefined ? [] : [[name, ceiling] as const]))),
      inUse: active.map((slots) => slotCount(policy, slots)),
      pending: pending.map(({ project, slots }) => ({ project: aProject(project), slots })),
      pauses: new Map(Object.entries(pauses).map(([project, pause]) => [aProject(project), pause])),
      rates: new Map(),
      held: { pool: held.pool, classes: new Set(held.classes.map(aClass)) },
      plan: undefined,
      slotSeconds: new Map(),
      ...changes,
    };
  }

  #with(change: Partial<State>): PoolBuilder {
    return new PoolBuilder({ ...this.#state, ...change });
  }

  #project(subscription: string, traits: ProjectTraits): ProjectPolicy {
    return {
      name: aProject(traits.name),
      subscription: aSubscription(subscription),
      baseUrl: 'https://provider.test',
      apiKey: { name: traits.name, key: 'apiKey' },
      webhookSecret: undefined,
      webhookAuth: { type: 'Secret' },
      requestsPerMinute: traits.requestsPerMinute ?? 100_000,
      weight: traits.weight ?? 1,
      assistants: new Map([[anAssistant, 'assistant-id']]),
      phoneNumbers: [],
      labels: traits.labels ?? {},
      upstreams: (traits.upstreams ?? []).map(anUpstream),
    };
  }

  #class(name: string, traits: ClassTraits): ClassPolicy {
    const direction = traits.direction ?? 'Outbound';
    const projects = (traits.projects ?? this.#state.projects.map((project) => project.name)).map(aProject);
    return {
      name: aClass(name),
      priority: traits.priority ?? 100,
      direction,
      assistant: anAssistant,
      reserved: traits.reserved ?? 0,
      reservedAt:
        traits.reservedAt &&
        new Map(Object.entries(traits.reservedAt).map(([subscription, slots]) => [aSubscription(subscription), slots])),
      limit: traits.limit,
      weight: traits.weight ?? 1,
      match: { dialled: [], callerPrefixes: [], labels: {}, ...traits.match },
      eligible: { Inbound: direction === 'Outbound' ? [] : projects, Outbound: direction === 'Inbound' ? [] : projects },
      callFrom: new Map(),
      affinity: traits.affinity ?? [],
      maxWaitMs: 2_000,
      overflow: undefined,
      whenUnavailable: undefined,
      maxDepth: 100_000,
      retry: undefined,
      session: { maxDurationMs: 600_000, ringTimeoutMs: 60_000, silenceTimeoutMs: 30_000 },
    };
  }
}

function slotCount(policy: Policy, { class: name, project, direction, slots }: ActiveSlots): Snapshot['inUse'][number] {
  const declared = policy.classes.find((candidate) => candidate.name === name);
  const runs = direction ?? (declared?.direction === 'Inbound' ? 'Inbound' : 'Outbound');
  const first = declared?.eligible[runs][0];
  return { class: aClass(name), direction: runs, project: project === undefined ? (first ?? aProject('gone')) : aProject(project), slots };
}

/** One waiting session; `sequence` is its place in the queue and makes its id. */
export function waiting(name: string, traits: Partial<Omit<Waiting, 'project'>> & { readonly project?: string } = {}): Waiting {
  const sequence = traits.sequence ?? 1;
  return {
    id: `${name}-${sequence}`,
    direction: 'Outbound',
    readySinceMs: nowMs,
    score: 0,
    holdsLine: false,
    labels: {},
    ...traits,
    sequence,
    class: aClass(name),
    project: traits.project === undefined ? undefined : aProject(traits.project),
  };
}

/** So many waiting sessions of a class, in order of arrival. */
export function waitingSessions(name: string, count: number, traits: Parameters<typeof waiting>[1] = {}): readonly Waiting[] {
  const from = traits.sequence ?? 1;
  return Array.from({ length: count }, (_, index) => waiting(name, { ...traits, sequence: from + index }));
}
