import type { OpenAttempt } from '../../../ledger/dispatch/open-attempts.ts';
import { aClass, aProject, aSubscription } from '../../support/pool.ts';

/** A dial that was admitted; what a test speaks of is given. */
export function anAttempt(id: string, change: Partial<OpenAttempt> = {}): OpenAttempt {
  return {
    id,
    sessionId: `session of ${id}`,
    class: aClass('campaign'),
    direction: 'Outbound',
    project: aProject('front'),
    subscription: aSubscription('main'),
    number: null,
    state: 'admitted',
    refusal: null,
    owner: 1,
    policyVersion: 1,
    enteredVersion: 1,
    ambiguous: false,
    outcome: null,
    admittedAtMs: 1,
    sendByMs: null,
    sendingAtMs: null,
    boundAtMs: null,
    endedAtMs: null,
    session: null,
    ...change,
  };
}
