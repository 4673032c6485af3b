import type { AttemptOutcome } from '../../capacity/outcomes.ts';
import type { ClockReading } from '../../capacity/watching/clock-skew.ts';

/** What the provider tells about the subscription's lines in its answers: a hint, never the ledger. */
export type ReportedLimits = { readonly limit: number; readonly remaining: number; readonly blocked: boolean };

/** What became of a `POST /call`. Only `ambiguous` leaves open whether a call exists. */
export type CreateResult =
  | {
      readonly kind: 'created';
      readonly callId: string;
      readonly orgId: string;
      readonly controlUrl: string | undefined;
      readonly limits: ReportedLimits | undefined;
    }
  | {
      readonly kind: 'refused';
      readonly outcome: Extract<AttemptOutcome, 'Capacity' | 'Throttled' | 'Permanent' | 'ProjectFault'>;
      readonly status: number;
      /** The provider's own words, redacted: no phone number in it. */
      readonly detail: string;
      readonly limits: ReportedLimits | undefined;
    }
  /**
   * Nothing was written to the socket, because the moment to send had passed or the signal was aborted before; with a `detail`, because the provider
   * could not be reached at all.
   */
  | { readonly kind: 'unsent'; readonly detail?: string }
  /** Nothing was written, because the project's key could not be read. */
  | { readonly kind: 'keyless'; readonly detail: string }
  | { readonly kind: 'ambiguous'; readonly detail: string };

/** A call as lists and look-ups show it, reduced to what we use. */
export type SeenCall = {
  readonly id: string;
  readonly orgId: string;
  readonly name: string | undefined;
  readonly direction: 'Inbound' | 'Outbound' | 'Web';
  readonly status: 'scheduled' | 'queued' | 'ringing' | 'in-progress' | 'forwarding' | 'ended' | 'unknown';
  readonly terminal: boolean;
  readonly endedReason: string | undefined;
  readonly phoneNumberId: string | undefined;
  readonly customerNumber: string | undefined;
  /** What we said with the call that it is for; undefined when it is none of ours, or the provider does not show it. */
  readonly ours: { readonly pool: string; readonly class: string; readonly session: string } | undefined;
  readonly controlUrl: string | undefined;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly costUsd: number | undefined;
};

export type LookUp =
  | { readonly kind: 'found'; readonly call: SeenCall }
  | { readonly kind: 'gone' }
  | { readonly kind: 'failed'; readonly status: number | undefined; readonly detail: string };

/** A listing is evidence of absence only when it is complete: every page was read. */
export type Listing = {
  readonly complete: boolean;
  /** The provider refused a page because too many requests were made this minute. */
  readonly throttled: boolean;
  readonly calls: readonly SeenCall[];
  readonly requests: number;
  /** Where an incomplete listing can go on; undefined when it has to begin anew. */
  readonly rest: ListCursor | undefined;
};

/** What is left of a listing: calls created before this instant, and whether a row of what was read could not be understood. */
export type ListCursor = { readonly createdBefore: Date; readonly unreadable: boolean };

export type ListLimits = {
  readonly maxRequests: number;
  readonly signal: AbortSignal;
  /** Goes on where an earlier listing since the same instant stopped; calls that were created after that one began are not shown. */
  readonly from?: ListCursor | undefined;
};

/** One project's API. Implementations never retry a creation. */
export type VapiProject = {
  /** `mayWrite` is asked right before bytes go out; when it says no, the result is `unsent`. */
  create(
    body: CreateCallBody,
    options: { readonly mayWrite: () => boolean; readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<CreateResult>;
  get(callId: string, signal: AbortSignal): Promise<LookUp>;
  /** All calls that changed at or after the instant, paged; at most `maxRequests` requests. */
  listUpdatedSince(since: Date, limits: ListLimits): Promise<Listing>;
  listCreatedSince(since: Date, limits: ListLimits): Promise<Listing>;
  /** What the provider's clock showed in its newest answer, timed with `performance.now()`; undefined until one told it. */
  clock(): ClockReading | undefined;
  /** Ends a live call through its control URL. */
  hangUp(controlUrl: string, signal: AbortSignal): Promise<{ readonly ok: boolean; readonly detail: string }>;
};

/** Body of `POST /call` as we send it; validated against the published description in tests. */
export type CreateCallBody = {
  readonly name: string;
  readonly assistantId: string;
  readonly phoneNumberId: string;
  readonly customer: { readonly number: string; readonly name?: string };
  readonly assistantOverrides: AssistantOverrides;
};

/** Messages that a call can be told to send us. */
export type ServerMessage =
  | 'status-update'
  | 'end-of-call-report'
  | 'tool-calls'
  | 'transfer-destination-request'
  | 'handoff-destination-request';

export type AssistantOverrides = {
  readonly maxDurationSeconds: number;
  readonly silenceTimeoutSeconds?: number;
  readonly server?: {
    readonly url: string;
    readonly timeoutSeconds: number;
    readonly credentialId?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly backoffPlan: { readonly type: 'exponential'; readonly maxRetries: number; readonly baseDelaySeconds: number };
  };
  readonly serverMessages?: readonly ServerMessage[];
  readonly variableValues?: Readonly<Record<string, unknown>>;
  readonly metadata: { readonly trunkline: { readonly pool: string; readonly class: string; readonly session: string } };
  readonly transportConfigurations?: readonly { readonly provider: 'twilio'; readonly timeout: number }[];
};

/** How a call ended, from its `endedReason`. */
export type EndOutcome = Extract<
  AttemptOutcome,
  'Normal' | 'Busy' | 'NoAnswer' | 'Voicemail' | 'ProviderFault' | 'ProjectFault' | 'Permanent' | 'Capacity' | 'Cancelled'
>;
