import type { ClassName, Labels, ProjectName, SubscriptionName, UpstreamName } from '../../crds/values.ts';
import type { GuardReason } from '../guard/guard.ts';
import type { LineAt } from '../policy/lineage.ts';
import type { Direction, Policy } from '../policy/policy.ts';
import type { RateState } from '../rates/limiter.ts';

/** Everything that an admission depends on, observed at one instant. Times are milliseconds of the ledger's clock. */
export type Snapshot = {
  readonly policy: Policy;
  readonly nowMs: number;
  /** Ceiling of each subscription now (see ../ceiling/): slots that may be in use. Missing means unknown: nothing is admitted there. */
  readonly ceilings: ReadonlyMap<SubscriptionName, number>;
  /** Slots in use: every attempt that has not ended, `cooling` and pending inbound calls included. Foreign calls are in the ceiling, not here. */
  readonly inUse: readonly SlotCount[];
  /** Calls that wait inside the provider's `assistant-request` hold a line already and belong to no class yet. */
  readonly pending: readonly PendingCount[];
  /** Channels of upstreams in calls that are not ours. Missing: none. */
  readonly foreignChannels?: ReadonlyMap<UpstreamName, number>;
  /** Projects that take nothing now: paused by a fault or an open breaker. A half-open one is listed with what it may still take. */
  readonly pauses: ReadonlyMap<ProjectName, Pause>;
  readonly rates: RateStates;
  readonly held: Holds;
  /** The ledger lost its newest part, and these projects' calls are still to be listed. Missing: it did not. */
  readonly guard?: Guarded | undefined;
  /** Where each withheld slot has its home; a proof that reservations are placeable. Undefined: solve first. */
  readonly plan: ReservationPlan | undefined;
  /** Slot-seconds used per class, decayed, for weighted fairness among equal priorities. */
  readonly slotSeconds: ReadonlyMap<ClassName, number>;
  /** Subscriptions where a probe is due: one session of the lowest class waiting may go one slot above the ceiling. Missing: none. */
  readonly probes?: ReadonlySet<SubscriptionName>;
};

export type SlotCount = {
  readonly class: ClassName;
  readonly direction: Direction;
  readonly project: ProjectName;
  /** Where the lines are, if not where those of the project are now: they were taken under an earlier policy. */
  readonly subscription?: SubscriptionName;
  readonly upstreams?: readonly UpstreamName[];
  readonly slots: number;
  /**
   * How many of them cool: the call is over, the line not free yet. They count against every limit, but they fulfil no reservation, because the next
   * caller of the class cannot have them. Missing: none.
   */
  readonly cooling?: number;
};

export type PendingCount = Pick<SlotCount, 'project' | 'subscription' | 'upstreams' | 'slots'>;

export type Pause = { readonly until: 'probe-allowed' | 'closed'; readonly reason: string; readonly stops: PauseScope };

/**
 * A caller inside `assistant-request` is taken by our answer to the provider's question, which needs no key and no creation: what only creations were
 * seen to suffer from (key, billing, refusals, throttling) is no reason to send the caller away. `everything`: calls themselves break, and a caller is
 * served better by `overflow` than by a conversation that fails.
 */
export type PauseScope = 'creations' | 'everything';

/** Whether the pause does not concern the session. */
export function passesBy({ stops }: Pause, { holdsLine }: Pick<Waiting, 'holdsLine'>): boolean {
  return holdsLine && stops === 'creations';
}

/** Holds of people: the whole pool, or single classes. Nothing is admitted for them; live calls go on. */
export type Holds = { readonly pool: boolean; readonly classes: ReadonlySet<ClassName> };

/** Nothing starts before the calls of these projects have been listed. */
export type Guarded = { readonly reason: GuardReason; readonly unlisted: readonly ProjectName[] };

/** Recent outbound creations, by limiter (`subscription/main`, `upstream/twilio`, `project/sales`). */
export type RateStates = ReadonlyMap<LimiterName, RateState>;
export type LimiterName = `subscription/${string}` | `upstream/${string}` | `project/${string}`;

/** Withheld slots: class → project → how many. */
export type ReservationPlan = ReadonlyMap<ClassName, ReadonlyMap<ProjectName, number>>;

/** A session that waits for a slot. */
export type Waiting = {
  readonly id: string;
  readonly class: ClassName;
  readonly direction: Direction;
  /** Instant since which it could have been admitted. */
  readonly readySinceMs: number;
  /** Within a class: higher first, then earlier. */
  readonly score: number;
  readonly sequence: number;
  /** The caller pinned it to a project, or an inbound call already sits in one. */
  readonly project: ProjectName | undefined;
  /** An inbound call inside `assistant-request`: it holds a line of `project` already, so admitting it takes no further slot there. */
  readonly holdsLine: boolean;
  /** Where that line is: a policy may have led the project elsewhere since the call came in. Missing: where the project is led now. */
  readonly lineAt?: LineAt;
  readonly labels: Labels;
};

/** What stops a session now, from the widest limit to the narrowest. Shown to people as it is, by `explain`. */
export type Blocked =
  | { readonly by: 'mode'; readonly mode: 'Hold' | 'Observe' }
  | ({ readonly by: 'guard' } & Guarded)
  | { readonly by: 'hold'; readonly scope: 'pool' | 'class' }
  | { readonly by: 'pool'; readonly limit: number }
  | { readonly by: 'direction'; readonly direction: Direction; readonly limit: number }
  | { readonly by: 'class'; readonly limit: number }
  | { readonly by: 'project'; readonly projects: readonly ProjectName[]; readonly reason: string }
  | { readonly by: 'subscription'; readonly subscription: SubscriptionName; readonly ceiling: number }
  | { readonly by: 'upstream'; readonly upstream: UpstreamName; readonly limit: number }
  | {
      readonly by: 'reservation';
      readonly heldFor: readonly ClassName[];
      readonly withheld: number;
      readonly proof: 'unplaceable' | 'not-proven';
    }
  | { readonly by: 'rate'; readonly limiter: LimiterName; readonly retryAtMs: number };

export type Admitted = {
  readonly session: string;
  readonly class: ClassName;
  readonly project: ProjectName;
  /** Sent one slot above the ceiling to find out whether the provider has room again. */
  readonly probe: boolean;
};
export type Refused = { readonly session: string; readonly class: ClassName; readonly why: Blocked };

/** The outcome of one step over all waiting sessions that it was given. */
export type StepDecision = {
  readonly admitted: readonly Admitted[];
  readonly refused: readonly Refused[];
  /** State to carry to the next step and to commit with the admissions. */
  readonly plan: ReservationPlan;
  readonly rates: RateStates;
  /** When a rate next lets something through that it stopped now; the shell sets its timer to it. */
  readonly nextRateAtMs: number | undefined;
};
