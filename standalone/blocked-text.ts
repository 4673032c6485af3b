import type { Blocked } from '../capacity/admission/snapshot.ts';

/** Why something waits, in a few words for a narrow line. `trunkline explain` says it at length. */
export function blockedText(why: Blocked): string {
  switch (why.by) {
    case 'mode':
      return `the pool's mode is ${why.mode}`;
    case 'guard':
      return 'the ledger lost its newest part: calls are being listed';
    case 'hold':
      return why.scope === 'pool' ? 'the pool is on hold' : 'the class is on hold';
    case 'pool':
      return `all ${why.limit} slots of the pool are taken`;
    case 'direction':
      return `all ${why.limit} slots for ${why.direction} are taken`;
    case 'class':
      return `its limit of ${why.limit} is reached`;
    case 'project':
      return `no project: ${why.reason}`;
    case 'subscription':
      return `${why.subscription} is full (${why.ceiling})`;
    case 'upstream':
      return `${why.upstream} is full (${why.limit})`;
    case 'reservation':
      return `${why.withheld} slots kept free for ${why.heldFor.join(', ')}`;
    case 'rate':
      return `calls per second of ${why.limiter}`;
  }
}
