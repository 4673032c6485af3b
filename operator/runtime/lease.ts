import { z } from 'zod';

/** Who leads, as a Lease object says it, and who may take over. Pure: the loop around it is in election.ts. */

const leaseObject = z.object({
  metadata: z.object({ resourceVersion: z.string().min(1), creationTimestamp: z.iso.datetime() }),
  spec: z
    .object({
      holderIdentity: z.string().default(''),
      leaseDurationSeconds: z.int().min(1).max(86_400).default(15),
      acquireTime: z.string().optional(),
      renewTime: z.string().default(''),
      leaseTransitions: z.int().min(0).default(0),
    })
    .prefault({}),
});

export type Lease = {
  readonly resourceVersion: string;
  /** By the API server's clock, to the second. */
  readonly createdMs: number;
  readonly holder: string;
  readonly durationMs: number;
  readonly acquireTime: string | undefined;
  /** The holder's clock, never compared with ours: it only tells one renewal from the next. */
  readonly renewTime: string;
  readonly transitions: number;
};

/** A lease and when we first saw it as it is, on our own clock. */
export type Sighting = { readonly lease: Lease; readonly sinceMs: number };

export function readLease(object: unknown): Lease {
  const { metadata, spec } = leaseObject.parse(object);
  return {
    resourceVersion: metadata.resourceVersion,
    createdMs: Date.parse(metadata.creationTimestamp),
    holder: spec.holderIdentity,
    durationMs: spec.leaseDurationSeconds * 1_000,
    acquireTime: spec.acquireTime,
    renewTime: spec.renewTime,
    transitions: spec.leaseTransitions,
  };
}

/** Remembers when the holder last gave a sign, by our clock. Two machines need not agree on the time. */
export function sight(before: Sighting | undefined, lease: Lease, nowMs: number): Sighting {
  const same =
    before !== undefined &&
    before.lease.holder === lease.holder &&
    before.lease.renewTime === lease.renewTime &&
    before.lease.transitions === lease.transitions;
  return { lease, sinceMs: same ? before.sinceMs : nowMs };
}

/** Whether the lease can be taken: given back, or no sign of its holder for as long as the holder itself has promised. */
export function isFree({ lease, sinceMs }: Sighting, nowMs: number): boolean {
  return lease.holder === '' || nowMs - sinceMs >= lease.durationMs;
}

/** Far more changes of hands than a lease sees; with the seconds before it, it stays a whole number that JavaScript knows exactly. */
const mostTransitions = 2 ** 20;

/**
 * A number that grows with each change of hands, also when the lease is deleted and begins anew with its first transition: the moment of its creation
 * leads. It comes from the API server alone, so no clock of ours is in it. Who deletes a lease and has it made again puts the new leader above
 * everything that the ledger has seen, which is what helps after a restore of the cluster's data from a backup.
 */
export function fenceOf({ createdMs, transitions }: Pick<Lease, 'createdMs' | 'transitions'>): number {
  return Math.floor(createdMs / 1_000) * mostTransitions + Math.min(transitions, mostTransitions - 1);
}

export type LeaseSpec = {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
};

/** A time as Lease and Event have it, with six digits: the API server refuses the three that JavaScript writes. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/Z$/, '000Z');
}
