import type { Finding } from '../../runtime/conditions.ts';
import type { ObservedPool } from '../observed.ts';
import { objectsApplied, sentence } from './acceptance.ts';
import { freshView } from './figures.ts';

/**
 * Whether calls can be taken and made by the newest declaration. That all lines are in use, the provider is in trouble or the fleet cannot grow is told
 * by other conditions and never by this one: a rollout of declarations must not fail over it.
 */
export function readiness(observed: ObservedPool, accepted: Finding, available: Finding): Finding {
  const ready = (status: Finding['status'], reason: string, message: string): Finding => ({ type: 'Ready', status, reason, message });
  if (accepted.status === 'False') return ready('False', accepted.reason, accepted.message);
  const applied = objectsApplied(observed);
  if (applied.status === 'False') return ready('False', applied.reason, applied.message);
  const { ledger, refusal, object } = observed;
  if (ledger.kind === 'away' && ledger.how === 'Fails') {
    const why = `The ledger fails to say what it has of the pool: ${sentence(ledger.message)}`;
    return ready('False', 'LedgerFails', `${why} Workers go on with what they know; see that the operator's URL names the right database.`);
  }
  if (ledger.kind === 'away') {
    const why = `The operator does not reach the ledger: ${sentence(ledger.message)}`;
    return ready('False', 'LedgerAway', `${why} Workers go on with what they know; mend the database or the operator's URL of it.`);
  }
  if (refusal?.kind === 'failing') {
    const why = `The ledger fails to take the declaration: ${sentence(refusal.message)}`;
    return ready('False', 'LedgerFails', `${why} Workers go on with the one before, if there was one.`);
  }
  if (refusal !== undefined) return ready('Unknown', refusal.refused, sentence(refusal.message));
  if (available.status !== 'True') return ready('False', available.reason, available.message);
  if (ledger.kind === 'not-asked') return ready('Unknown', 'NotReadYet', 'What the ledger says of the pool has not been read yet.');
  const view = freshView(ledger);
  if (view === undefined) {
    return ready('False', 'NoDispatcher', 'No worker dispatches, so nothing starts: one is elected within seconds where a worker serves.');
  }
  const { newest, workers } = ledger.standing;
  if (newest?.generation !== object.generation || view.policyVersion !== newest.version) {
    const rejected = workers.flatMap(({ troubles }) => troubles ?? []).find(({ kind }) => kind === 'PolicyRejected');
    if (rejected?.kind === 'PolicyRejected') {
      const message = `Workers cannot read the declaration and act on the one before: ${sentence(rejected.detail)} A newer image of the workers can.`;
      return ready('False', 'PolicyRejected', message);
    }
    if (observed.mounting) {
      const message = 'Pods are replaced by ones that have the keys that the declaration names; it is acted on when all have them.';
      return ready('False', 'PolicyNotApplied', message);
    }
    return ready('False', 'PolicyNotApplied', 'The dispatcher does not act on the newest declaration yet; it does so within seconds.');
  }
  return ready('True', 'Ready', 'Sessions are admitted by this declaration.');
}
