/**
 * How an attempt ends, and how a session ends. One vocabulary for ledger, metrics, retry and people; what the provider says is translated
 * into it once, in `providers/vapi/outcomes.ts`.
 */

/** Why an attempt is over. `Capacity` and `Throttled` never consumed it; the others did. */
export type AttemptOutcome =
  | 'Normal'
  | 'Busy'
  | 'NoAnswer'
  | 'Voicemail'
  | 'ProviderFault'
  | 'ProjectFault'
  | 'Permanent'
  | 'Capacity'
  | 'Throttled'
  | 'Unsent'
  | 'Abandoned'
  | 'Overflowed'
  | 'Cancelled'
  | 'Unknown';

/** Reason of an attempt that is `Unsent` because the provider could not be reached: its project's calls fail, though none was made. */
export const unreachable = 'ProviderUnreachable';

/** Reason of an attempt that is a `ProjectFault` because the project's org belongs to another pool of the ledger. Nothing was sent. */
export const orgElsewhere = 'OrgClaimed';

/** Begins the reason of an attempt that is `Permanent` because the provider refused it in words that say nothing to us. */
export const unexplainedRefusal = 'UnexplainedRefusal';

/** The one terminal state of a session. */
export type SessionOutcome =
  | 'Completed'
  | 'Busy'
  | 'NoAnswer'
  | 'Voicemail'
  | 'ProviderFault'
  | 'Rejected'
  | 'Cancelled'
  | 'Expired'
  | 'Abandoned'
  | 'Overflowed'
  | 'Unknown';

export const sessionOutcomes: readonly SessionOutcome[] = [
  'Completed',
  'Busy',
  'NoAnswer',
  'Voicemail',
  'ProviderFault',
  'Rejected',
  'Cancelled',
  'Expired',
  'Abandoned',
  'Overflowed',
  'Unknown',
];
