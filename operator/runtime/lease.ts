import { z } from 'zod';

/** Who leads, as a Lease object says it, and who may take over. Pure: the loop around it is in election.ts. */

const leaseObject = z.object({
  metadata: z.object({ resourceVersion: z.string().min(1) }),
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
