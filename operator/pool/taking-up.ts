import type { ObservedDeployment } from './observed.ts';
import { joined, lacks, type SecretKeys } from './plan/secret-volumes.ts';

/**
 * How a pool comes to follow its newest declaration. What runs goes by the one that the ledger has taken: an edit that is refused changes nothing of it. And
 * workers hear of a Secret only when their pods have it: one that lacks a key takes the project for broken, for all of them. Pure.
 */
export type TakingUp =
  /** Nobody serves by another one: objects are made first, as pods take the longest, and the ledger is asked then. */
  | 'act'
  /** Pods get the keys that the newest declaration names beside those of the one before; the ledger is asked when all have them. */
  | 'mount'
  /** The ledger is asked, and what it takes is acted on. */
  | 'ask'
  /** Our own rules refuse it. */
  | 'refused';

export type Newest = {
  readonly generation: number;
  /** The keys that it names; undefined: it is refused. */
  readonly keys: SecretKeys | undefined;
};

export type Running = {
  /** The declaration that is acted on: its generation, and the keys that it names. */
  readonly acting: { readonly generation: number; readonly keys: SecretKeys } | undefined;
  readonly deployment: ObservedDeployment | undefined;
  /** The keys that the Deployment's pods have, or get as it rolls out; read only where they matter, which takes a while. */
  readonly mounted: () => SecretKeys;
  /** Whether the counts of the Deployment are those after our last write. */
  readonly isSeen: boolean;
  /** Whether workers that are on their way out still take work, or it is not known. */
  readonly leaversServe: () => boolean;
  /** Since when pods get what the newest declaration names; undefined: they do not. */
  readonly mountingMs: number | undefined;
};

/** A rollout that hangs (no room for another pod) must not keep a declaration for ever. */
export const mountsWithinMs = 300_000;

export function nextStep(
  { generation, keys }: Newest,
  { acting, deployment, mounted, isSeen, leaversServe, mountingMs }: Running,
): TakingUp {
  if (keys === undefined) return 'refused';
  if (acting?.generation === generation) return (deployment?.ready ?? 0) === 0 ? 'act' : 'ask';
  if (deployment === undefined) return acting === undefined ? 'act' : 'ask';
  if (acting === undefined || !lacks(acting.keys, keys)) return 'ask';
  // Who serves nobody has nothing to be careful with.
  if (deployment.ready === 0 || (mountingMs !== undefined && mountingMs >= mountsWithinMs)) return 'ask';
  const haveAll = !lacks(mounted(), keys) && isSeen && isRolledOut(deployment) && !leaversServe();
  return haveAll ? 'ask' : 'mount';
}

/** Every pod that is wanted is of the newest template and serves. */
export function isRolledOut({ updated, replicas, ready, wanted }: ObservedDeployment): boolean {
  return updated >= replicas && ready >= wanted;
}

/**
 * The keys that pods are to have: of the declaration that is acted on, and of a newer one before it is; and what they have already, until no call of a project
 * that was removed needs it any more (I6: they are looked up, and their webhooks verified, to the end).
 */
export function wantedKeys(of: {
  readonly acting: SecretKeys;
  readonly newest: SecretKeys | undefined;
  readonly mounted: SecretKeys;
  readonly formerCalls: 'may live' | 'over';
}): { readonly keys: SecretKeys; readonly surplus: boolean } {
  const named = joined(of.acting, of.newest ?? new Map());
  const surplus = lacks(named, of.mounted);
  return { keys: of.formerCalls === 'over' ? named : joined(named, of.mounted), surplus };
}
