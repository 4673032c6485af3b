import type { Fallback, RetryableOutcome } from '../../crds/classes.ts';
import type { WebhookAuth } from '../../crds/subscriptions.ts';
import type {
  AssistantName,
  ClassName,
  Labels,
  PoolName,
  ProjectName,
  SecretRef,
  SubscriptionName,
  UpstreamName,
} from '../../crds/values.ts';

/**
 * A pool's declaration made ready for decisions: defaults filled in, durations in milliseconds, names resolved. Made by `compilePolicy`
 * (compile.ts) from the manifest; data only, so that dispatcher, simulator, operator and `explain` share it.
 */
export type Policy = {
  readonly pool: PoolName;
  readonly mode: 'Active' | 'Hold' | 'Observe';
  readonly maxConcurrentSessions: number | undefined;
  readonly directionLimits: { readonly Inbound: number | undefined; readonly Outbound: number | undefined };
  /** In order of falling priority; equal priorities in the order of the manifest. */
  readonly classes: readonly ClassPolicy[];
  readonly subscriptions: readonly SubscriptionPolicy[];
  readonly projects: readonly ProjectPolicy[];
  readonly upstreams: readonly UpstreamPolicy[];
  /** `allow`: ISO countries and prefixes. */
  readonly destinations: { readonly allow: readonly string[]; readonly maxDialsPerDay: number };
};

export type Direction = 'Inbound' | 'Outbound';

export type SessionBounds = { readonly maxDurationMs: number; readonly ringTimeoutMs: number; readonly silenceTimeoutMs: number };

export type ClassPolicy = {
  readonly name: ClassName;
  readonly priority: number;
  readonly direction: Direction | 'Any';
  readonly assistant: AssistantName;
  /** Slots kept for this class anywhere it may run; with `reservedAt`, per subscription. The two exclude each other. */
  readonly reserved: number;
  readonly reservedAt: ReadonlyMap<SubscriptionName, number> | undefined;
  readonly limit: number | undefined;
  readonly weight: number;
  readonly match: { readonly dialled: readonly string[]; readonly callerPrefixes: readonly string[]; readonly labels: Labels };
  /** Projects where a session of this class can run per direction: assistant present, selector fits, and for Outbound a number to call from, for Inbound the number it matches. */
  readonly eligible: { readonly Inbound: readonly ProjectName[]; readonly Outbound: readonly ProjectName[] };
  /** Ids of the numbers to call from, per project; only those that `from` selects. */
  readonly callFrom: ReadonlyMap<ProjectName, readonly PhoneNumber[]>;
  readonly affinity: readonly string[];
  readonly maxWaitMs: number;
  readonly overflow: Fallback | undefined;
  readonly whenUnavailable: Fallback | undefined;
  readonly maxDepth: number;
  readonly retry: RetryPolicy | undefined;
  readonly session: SessionBounds;
};

export type RetryPolicy = {
  readonly maxAttempts: number;
  readonly initialMs: number;
  readonly maxMs: number;
  readonly on: readonly RetryableOutcome[];
};

export type SubscriptionPolicy = {
  readonly name: SubscriptionName;
  readonly accountId: string | undefined;
  readonly region: 'us' | 'eu';
  readonly concurrencyLimit: number;
  readonly safetyMargin: number;
  readonly callsPerSecond: number | undefined;
};

export type PhoneNumber = { readonly id: string; readonly number: string };

export type ProjectPolicy = {
  readonly name: ProjectName;
  readonly subscription: SubscriptionName;
  readonly baseUrl: string;
  readonly apiKey: SecretRef;
  readonly webhookSecret: SecretRef | undefined;
  readonly webhookAuth: WebhookAuth;
  readonly requestsPerMinute: number;
  readonly weight: number;
  readonly assistants: ReadonlyMap<AssistantName, string>;
  readonly phoneNumbers: readonly PhoneNumber[];
  readonly labels: Labels;
  readonly upstreams: readonly UpstreamName[];
};

export type UpstreamPolicy = {
  readonly name: UpstreamName;
  readonly concurrencyLimit: number | undefined;
  readonly callsPerSecond: number | undefined;
  readonly unitsPerSession: number;
};
