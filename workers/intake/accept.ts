import { createHash } from 'node:crypto';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { classForSession } from '../../capacity/matching.ts';
import { type DestinationVerdict, judgeDestination } from '../../capacity/policy/destinations.ts';
import type { ClassPolicy, Policy } from '../../capacity/policy/policy.ts';
import type { ClassName } from '../../crds/values.ts';
import { newId } from '../../ledger/ids.ts';
import type { NewSession } from '../../ledger/sessions/insert.ts';
import type { TokenScope } from '../../ledger/tokens.ts';
import type { ProblemKind } from './problem.ts';
import type { SessionRequest } from './session-request.ts';

/** Decides whether a request becomes a session, and of which class; what only the ledger knows (room in the queue, repeated keys) comes after. */

export type Refusal = {
  readonly kind: Extract<ProblemKind, 'invalid-field' | 'wrong-scope'>;
  readonly field: string;
  readonly detail: string;
};
export type Acceptance = { readonly accepted: true; readonly session: NewSession } | { readonly accepted: false; readonly why: Refusal };

/** What a request is judged by. */
export type Rules = {
  readonly policy: Policy;
  readonly scope: TokenScope;
  /** For requests that name no class. */
  readonly defaultClass: string | undefined;
  /** The ledger's clock. */
  readonly nowMs: number;
};

export function acceptSession(request: SessionRequest, rules: Rules): Acceptance {
  if (request.direction === 'Inbound') {
    return refuse('direction', 'must be Outbound: an inbound call is announced by the provider when somebody calls');
  }
  const number = normalise(request.customer.number);
  if (number === undefined) return refuse('customer.number', 'must be a phone number with its country code, such as +14155550100');
  const verdict = judgeDestination(number, rules.policy.destinations.allow);
  if (verdict !== 'allowed') return refuse('customer.number', destinationWords[verdict]);

  const timing = judgeTiming(request, rules.nowMs);
  if (timing !== undefined) return timing;

  const chosen = chooseClass(request, rules);
  if ('accepted' in chosen) return chosen;
  return {
    accepted: true,
    session: {
      id: newId(),
      class: chosen.name,
      direction: 'Outbound',
      project: rules.policy.projects.find(({ name }) => name === request.project)?.name,
      number,
      name: request.customer.name,
      labels: request.labels,
      context: request.context,
      score: request.score,
      notBefore: utc(request.notBefore),
      expiresAt: utc(request.expiresAt),
      idempotencyKey: request.idempotencyKey,
      requestHash: request.idempotencyKey === undefined ? undefined : hashOf(request, number),
    },
  };
}

const destinationWords: Readonly<Record<Exclude<DestinationVerdict, 'allowed'>, string>> = {
  invalid: 'is no number that can be dialled: no numbering plan assigns it, or it is an emergency or short number',
  premium: 'is a premium-rate or shared-cost number; these are never dialled',
  'not-allowed': "is outside the pool's destinations.allow: add its country or prefix there if it is meant to be dialled",
};

const e164 = /^\+[1-9]\d{6,14}$/;

/** The number in E.164, or undefined when it is no international number. Extensions cannot be dialled. */
function normalise(number: string): string | undefined {
  if (e164.test(number)) return number;
  const parsed = number.startsWith('+') ? parsePhoneNumberFromString(number) : undefined;
  return parsed === undefined || parsed.ext !== undefined ? undefined : parsed.number;
}

function judgeTiming({ notBefore, expiresAt }: SessionRequest, nowMs: number): Acceptance | undefined {
  if (expiresAt === undefined) return undefined;
  if (Date.parse(expiresAt) <= nowMs) return refuse('expiresAt', 'must lie in the future');
  if (notBefore !== undefined && Date.parse(notBefore) >= Date.parse(expiresAt)) return refuse('notBefore', 'must lie before expiresAt');
  return undefined;
}

function chooseClass(request: SessionRequest, { policy, scope, defaultClass }: Rules): ClassPolicy | Acceptance {
  const { direction, labels, project } = request;
  const found = classForSession(policy, { class: request.class ?? defaultClass ?? scope.class, direction, labels, project });
  if (!('name' in found)) return refuse(found.field, found.message);
  if (reaches(scope, found.name)) return found;
  return { accepted: false, why: { kind: 'wrong-scope', field: 'class', detail: `this token is for class ${scope.class} only` } };
}

function refuse(field: string, detail: string): Acceptance {
  return { accepted: false, why: { kind: 'invalid-field', field, detail } };
}

const utc = (instant: string | undefined) => (instant === undefined ? undefined : new Date(instant).toISOString());

/**
 * What was asked for, in a form in which the order of fields, the way the number is written, and time zones make no difference. The class is taken
 * as it was asked for: what a request without one resolves to may change with the policy, and the repeat is still the same request.
 */
function hashOf(request: SessionRequest, number: string): string {
  const { customer, notBefore, expiresAt, ...rest } = request;
  const asked = { ...rest, customer: { ...customer, number }, notBefore: utc(notBefore), expiresAt: utc(expiresAt) };
  return createHash('sha256').update(JSON.stringify(asked, inOrder)).digest('hex');
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether a token may see or change a session of this class. */
export function reaches(scope: TokenScope, className: ClassName): boolean {
  return scope.class === undefined || scope.class === className;
}
