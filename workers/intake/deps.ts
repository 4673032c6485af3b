import type { Logger } from 'pino';
import type { Policy } from '../../capacity/policy/policy.ts';
import type { Database } from '../../ledger/database.ts';
import type { PoolId } from '../../ledger/policy.ts';
import type { Waker } from '../../ledger/wake.ts';
import type { Metrics } from '../metrics.ts';

/** What the intake needs of its worker. */
export type IntakeDeps = {
  readonly database: Database;
  readonly poolId: PoolId;
  /** The policy in force. */
  readonly policy: () => Policy;
  /** Whether ended sessions are delivered anywhere; then their ends are written to the outbox. */
  readonly hasResults: () => boolean;
  readonly waker: Waker;
  /** Asks the provider to end a live call. */
  readonly hangUp: (sessionId: string) => Promise<'asked' | 'not-live' | 'failed'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  readonly now: () => number;
};
