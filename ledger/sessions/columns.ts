import type { Direction } from '../../capacity/policy/policy.ts';
import type { ClassName, Labels, ProjectName } from '../../crds/values.ts';
import { type SessionState, shownState } from './states.ts';

/** A session as the API and the command line show it. Instants are ISO; what there is not is absent. */
export type StoredSession = {
  readonly id: string;
  readonly state: SessionState;
  readonly class: ClassName;
  readonly direction: Direction;
  readonly customer: { readonly number?: string; readonly name?: string };
  readonly project?: ProjectName;
  readonly labels: Labels;
  readonly score: number;
  readonly idempotencyKey?: string;
  readonly createdAt: string;
  readonly notBefore?: string;
  readonly expiresAt?: string;
  /** Attempts that counted; refusals for want of capacity do not. */
  readonly attempts: number;
  readonly refusals: number;
  readonly outcome?: string;
  readonly outcomeReason?: string;
  readonly endedAt?: string;
  readonly attempt?: StoredAttempt;
};

/** The newest try to place the session. */
export type StoredAttempt = {
  readonly id: string;
  readonly state: string;
  readonly project: ProjectName;
  readonly callId?: string;
  readonly admittedAt?: string;
  readonly sendingAt?: string;
  readonly boundAt?: string;
  readonly endedAt?: string;
  readonly outcome?: string;
  readonly endedReason?: string;
};

/** One JSON object per session `s` with its open attempt `a`, for {@link StoredSession}. */
export const shownSession = `
  jsonb_strip_nulls(jsonb_build_object('id', s.id, 'state', ${shownState}, 'class', s.class, 'direction', s.direction,
    'customer', jsonb_build_object('number', s.number, 'name', s.name), 'project', s.project, 'score', s.score,
    'idempotencyKey', s.idempotency_key, 'createdAt', s.created_at, 'notBefore', s.not_before, 'expiresAt', s.expires_at, 'attempts', s.attempts,
    'refusals', s.refusals, 'outcome', s.outcome, 'outcomeReason', s.outcome_reason, 'endedAt', s.ended_at))
  || jsonb_build_object('labels', s.labels)`;

/** The same for an attempt `t`. */
export const shownAttempt = `
  jsonb_strip_nulls(jsonb_build_object('id', t.id, 'state', t.state, 'project', t.project, 'callId', t.call_id, 'admittedAt', t.admitted_at,
    'sendingAt', t.sending_at, 'boundAt', t.bound_at, 'endedAt', t.ended_at, 'outcome', t.outcome, 'endedReason', t.ended_reason))`;
