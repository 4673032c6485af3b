import type { Policy } from '../../../capacity/policy/policy.ts';

/**
 * What a run leaves behind, as plain facts from three sources: the ledger, the simulated provider's own log, and the workers' logs. Everything that is
 * judged is judged on these; nothing here knows how the product decides. Instants are milliseconds since 1970 with fractions.
 */
export type History = {
  readonly policies: ReadonlyMap<number, Policy>;
  /** Where the pool's dispatcher stood last. */
  readonly dispatcher: { readonly epoch: number; readonly seq: number };
  readonly sessions: readonly SessionFact[];
  readonly attempts: readonly AttemptFact[];
  /** Classes that are held when the history is read. Lifted holds leave no trace. */
  readonly heldClasses: ReadonlySet<string>;
  /** The provider's calls, by its own account. */
  readonly calls: readonly CallFact[];
  readonly limits: Limits;
  /** Ids of sessions that the intake acknowledged, by the account of those who handed them in. */
  readonly acknowledged: readonly string[];
  readonly said: Said;
};

/** Every change of the provider's limits, by its own account and in order of time. */
export type Limits = {
  /** Whether its answers say them. */
  readonly told: 'in-answers' | 'never';
  readonly changes: readonly { readonly subscription: string; readonly atMs: number; readonly limit: number }[];
};

/** What the workers wrote in their logs, as far as it is evidence. */
export type Said = {
  /** Epochs as the dispatchers announced them, in no order. */
  readonly epochs: readonly { readonly epoch: number; readonly worker: string }[];
  /** Attempts whose calls turned up after they had been given up. */
  readonly adopted: ReadonlySet<string>;
  /** Attempts that ended with an unknown outcome because nobody could say what became of the call. */
  readonly givenUp: ReadonlySet<string>;
};

export type Direction = 'Inbound' | 'Outbound';

export type SessionFact = {
  readonly id: string;
  readonly class: string;
  readonly direction: Direction;
  readonly state: 'queued' | 'open' | 'ended';
  readonly seq: number;
  readonly score: number;
  readonly project: string | null;
  readonly number: string | null;
  readonly notBeforeMs: number | null;
  readonly expiresAtMs: number | null;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
  readonly cancelledAtMs: number | null;
  readonly attemptId: string | null;
  readonly outcome: string | null;
};

export type AttemptFact = {
  readonly id: string;
  /** Null for a call that the provider took without us. */
  readonly sessionId: string | null;
  readonly class: string | null;
  readonly direction: Direction;
  readonly project: string;
  readonly subscription: string;
  readonly number: string | null;
  readonly state: 'pending' | 'admitted' | 'sending' | 'bound' | 'cooling' | 'ended';
  readonly refusal: string | null;
  readonly epoch: number | null;
  readonly seq: number | null;
  readonly policyVersion: number | null;
  /** Of a caller who waited: the policy by which the call was entered, before the one that decided. */
  readonly enteredVersion: number | null;
  readonly ceiling: number | null;
  readonly inUse: number | null;
  readonly probe: boolean;
  readonly createdAtMs: number;
  readonly admittedAtMs: number | null;
  readonly sendByMs: number | null;
  readonly sendingAtMs: number | null;
  readonly boundAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly releasedAtMs: number | null;
  readonly callId: string | null;
  readonly outcome: string | null;
};

export type CallFact = {
  readonly id: string;
  readonly kind: 'inbound' | 'outbound' | 'foreign';
  readonly name: string | undefined;
  readonly number: string | undefined;
  readonly project: string | undefined;
  readonly subscription: string;
  readonly createdAtMs: number;
  readonly endedAtMs: number | undefined;
  readonly outcome: string | undefined;
  readonly reason: string | undefined;
};

/** A creation that the provider refused because its account had no line left, with the calls that had them at that instant. */
export type Refusal = {
  readonly project: string;
  readonly atMs: number;
  readonly live: readonly Pick<CallFact, 'id' | 'kind'>[];
};

/** An attempt that the dispatcher admitted, with all that it wrote down about the decision. */
export type Admission = AttemptFact & {
  readonly class: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly seq: number;
  readonly policyVersion: number;
  readonly ceiling: number;
  readonly inUse: number;
  readonly admittedAtMs: number;
};

/** Admissions in the order in which they were decided. */
export function admissionsOf({ attempts }: History): readonly Admission[] {
  return attempts.filter(isAdmission).sort((a, b) => a.epoch - b.epoch || a.seq - b.seq);
}

/** As the dispatcher decided them; what it did not decide (a caller who was refused, a call that was found), by when it began. */
export function inOrderOfDecision(a: AttemptFact, b: AttemptFact): number {
  if (a.epoch === null || a.seq === null || b.epoch === null || b.seq === null)
    return (a.admittedAtMs ?? a.createdAtMs) - (b.admittedAtMs ?? b.createdAtMs);
  return a.epoch - b.epoch || a.seq - b.seq;
}

/** Attempts that say they were admitted and lack something of the decision are caught by the check of the order. */
export function isAdmission(attempt: AttemptFact): attempt is Admission {
  const { class: name, sessionId, epoch, seq, policyVersion, ceiling, inUse, admittedAtMs } = attempt;
  return [name, sessionId, epoch, seq, policyVersion, ceiling, inUse, admittedAtMs].every((fact) => fact !== null);
}

/** A call of somebody else that was seen in a project of ours. */
export function isForeign({ sessionId, refusal }: AttemptFact): boolean {
  return sessionId === null && refusal === 'Foreign';
}

const ownName = /^tl-([0-9a-f-]{36})$/;

/** The attempt that a call says it was made for. */
export function attemptNamedBy({ name }: CallFact): string | undefined {
  return name === undefined ? undefined : ownName.exec(name)?.[1];
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string | null | undefined): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === null || key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** An election that the ledger has forgotten may have had the number of a later one. */
const withoutElections = (history: History): History => ({ ...history, said: { ...history.said, epochs: [] } });

/** A caller may have waited for a decision over an instant. */
const notDecided = {
  state: 'pending',
  epoch: null,
  seq: null,
  policyVersion: null,
  ceiling: null,
  inUse: null,
  admittedAtMs: null,
  sendByMs: null,
  sendingAtMs: null,
  boundAtMs: null,
} as const;

/** What had happened by an instant, as far as decisions until then depend on it. */
export function upTo(history: History, atMs: number): History {
  const until = <T extends number | null | undefined>(instant: T, not: T): T =>
    typeof instant === 'number' && instant >= atMs ? not : instant;
  return {
    ...withoutElections(history),
    sessions: history.sessions
      .filter(({ createdAtMs }) => createdAtMs < atMs)
      .map((one) => ({ ...one, endedAtMs: until(one.endedAtMs, null) })),
    attempts: history.attempts
      .filter(({ createdAtMs }) => createdAtMs < atMs)
      .map((one) => ({ ...one, endedAtMs: until(one.endedAtMs, null), releasedAtMs: until(one.releasedAtMs, null) }))
      .map((one) => (one.admittedAtMs === null || one.admittedAtMs < atMs ? one : { ...one, ...notDecided })),
    calls: history.calls
      .filter(({ createdAtMs }) => createdAtMs < atMs)
      .map((one) => ({ ...one, endedAtMs: until(one.endedAtMs, undefined) })),
  };
}

/** What a dispatcher decided after an instant, and the calls that were made for it. */
export function beganAfter(history: History, atMs: number): History {
  const attempts = history.attempts.filter((attempt) => attempt.createdAtMs > atMs && isAdmission(attempt));
  const ids = new Set(attempts.map(({ id }) => id));
  return {
    ...withoutElections(history),
    attempts,
    calls: history.calls.filter((call) => call.kind === 'outbound' && ids.has(attemptNamedBy(call) ?? '')),
  };
}
