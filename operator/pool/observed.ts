import type { Decision } from '../../capacity/scaling/decision.ts';
import type { FleetReading } from '../../capacity/scaling/fleet.ts';
import type { PoolStatus } from '../../crds/status.ts';
import type { LedgerRoom, PoolStanding } from '../../ledger/pools/readings.ts';
import type { PoolObject } from './declared.ts';
import type { ChildKind } from './resources.ts';

/** Everything that is known of a pool at one instant: what its status is made of. Plain data. */
export type ObservedPool = {
  readonly wallMs: number;
  /** With what was told of it last. */
  readonly object: Pick<PoolObject, 'name' | 'namespace' | 'uid' | 'generation' | 'declared'> & { readonly status: PoolStatus | undefined };
  readonly children: readonly ChildTrouble[];
  /** Pools that roll a new release of the operator out, and that this one waits for; undefined: it waits for none. */
  readonly behind: number | undefined;
  /** Its pods get keys that the newest declaration names, before workers hear of it. */
  readonly mounting: boolean;
  readonly deployment: ObservedDeployment | undefined;
  readonly pods: readonly ObservedPod[];
  readonly ledger: LedgerOutlook;
  readonly refusal: LedgerRefusal | undefined;
  readonly lastDecision: { readonly decision: Decision; readonly atMs: number } | undefined;
};

/**
 * An object of the pool that is not as planned. NameConflict: there is one of that name that is not ours. Refused: the API server does not take it. NotTaken: it
 * has failed to, again and again.
 */
export type ChildTrouble = {
  readonly kind: ChildKind;
  readonly name: string;
  readonly reason: 'NameConflict' | 'Refused' | 'NotTaken';
  readonly message: string;
};

export type ObservedDeployment = {
  readonly wanted: number;
  readonly replicas: number;
  readonly ready: number;
  readonly updated: number;
  /** Such as a quota that is used up. */
  readonly failure: string | undefined;
};

export type ObservedPod = {
  readonly name: string;
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly createdMs: number;
  /** Its worker was started again since. */
  readonly restarted: boolean;
  /** When its worker was started last; undefined: it does not run. */
  readonly runsSinceMs: number | undefined;
  /** Why it does not start, in the kubelet's or the scheduler's words. */
  readonly waiting: { readonly reason: string; readonly message: string } | undefined;
};

/** Why the ledger does not have the newest declaration. What workers act on is the one before, if there was one. */
export type LedgerRefusal =
  | { readonly kind: 'refused'; readonly refused: 'Fenced' | 'SubscriptionClaimed' | 'OtherLedger'; readonly message: string }
  /** It answers, and cannot do what is asked of it for this pool. */
  | { readonly kind: 'failing'; readonly message: string };

/** What the ledger says of what it has of the pool, or why it says nothing. */
export type LedgerOutlook =
  /** This operator has not asked yet. */
  | { readonly kind: 'not-asked' }
  /** Fails: it answers, and cannot say what it has. */
  | { readonly kind: 'away'; readonly how: 'Unreachable' | 'Fails'; readonly sinceMs: number; readonly message: string }
  | {
      readonly kind: 'read';
      readonly standing: PoolStanding;
      readonly load: FleetReading | undefined;
      readonly ageMs: number;
      readonly room: LedgerRoom | undefined;
    };
