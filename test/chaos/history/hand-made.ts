import { aPool } from '../../support/pool.ts';
import type { AttemptFact, CallFact, History, SessionFact } from './history.ts';

/** Histories made by hand: a run that went well, and how to spoil it in one place. */

export const idOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

const policy = aPool()
  .withUpstream('trunk', 3)
  .withSubscription('main', 4, { callsPerSecond: 2, projects: [{ name: 'sales', upstreams: ['trunk'] }, 'desk'] })
  .withClass('vip', { priority: 1_000, limit: 1, projects: ['sales'] })
  .withClass('campaign', { priority: 100, projects: ['sales', 'desk'] })
  .withClass('survey', { priority: 100, weight: 2, projects: ['sales', 'desk'] })
  .withClass('reception', { priority: 500, direction: 'Inbound', projects: ['desk'] })
  .withLimits({ total: 4, outbound: 3 })
  .policy();

const retry = { maxAttempts: 2, initialMs: 1_000, maxMs: 4_000, on: ['Busy', 'NoAnswer'] as const };

/** A margin of one line, and a campaign that calls busy people again. */
const declared: typeof policy = {
  ...policy,
  subscriptions: policy.subscriptions.map((subscription) => ({ ...subscription, safetyMargin: 1 })),
  classes: policy.classes.map((one) => (one.name === 'campaign' ? { ...one, retry } : one)),
};

export function aSession(number: number, traits: Partial<SessionFact> = {}): SessionFact {
  return {
    id: idOf(number),
    class: 'campaign',
    direction: 'Outbound',
    state: 'ended',
    seq: number,
    score: 0,
    project: null,
    number: `+1415555${1_000 + number}`,
    notBeforeMs: null,
    expiresAtMs: null,
    createdAtMs: 0,
    endedAtMs: null,
    cancelledAtMs: null,
    attemptId: null,
    outcome: 'Completed',
    ...traits,
  };
}

/** A call that was admitted at an instant and lasted, with what ledger and provider know of it. */
export function aDial(
  number: number,
  seq: number,
  atMs: number,
  lastsMs: number,
  traits: Partial<AttemptFact> = {},
): { readonly attempt: AttemptFact; readonly call: CallFact } {
  const endedAtMs = atMs + 20 + lastsMs;
  const attempt: AttemptFact = {
    id: idOf(100 + seq),
    sessionId: idOf(number),
    class: 'campaign',
    direction: 'Outbound',
    project: 'sales',
    subscription: 'main',
    number: `+1415555${1_000 + number}`,
    state: 'ended',
    refusal: null,
    epoch: 1,
    seq,
    policyVersion: 1,
    enteredVersion: null,
    ceiling: 3,
    inUse: 1,
    probe: false,
    createdAtMs: atMs,
    admittedAtMs: atMs,
    sendByMs: atMs + 100,
    sendingAtMs: atMs + 10,
    boundAtMs: atMs + 40,
    endedAtMs: endedAtMs + 30,
    releasedAtMs: endedAtMs + 1_000,
    callId: `call-${seq}`,
    outcome: 'Normal',
    ...traits,
  };
  const call: CallFact = {
    id: `call-${seq}`,
    kind: attempt.direction === 'Inbound' ? 'inbound' : 'outbound',
    name: attempt.direction === 'Inbound' ? undefined : `tl-${attempt.id}`,
    number: attempt.number ?? undefined,
    project: attempt.project,
    subscription: 'main',
    createdAtMs: attempt.direction === 'Inbound' ? atMs - 50 : atMs + 20,
    endedAtMs,
    outcome: attempt.outcome ?? undefined,
    reason: 'customer-ended-call',
  };
  return { attempt, call };
}

/**
 * A run that went well, over half a minute: two dials in one batch, a busy one that is dialled again, a caller, one of higher priority, one dial that was
 * never sent, a second epoch, and somebody who still waits.
 */
export function aGoodHistory(): History {
  const dials = [
    aDial(1, 1, 1_000, 18_000),
    aDial(2, 2, 1_000, 4_000, { inUse: 2, outcome: 'Busy' }),
    aDial(3, 3, 3_000, 9_000, { inUse: 3, class: 'vip' }),
    aDial(2, 4, 9_000, 6_000, { inUse: 3 }),
    aDial(4, 5, 21_000, 5_000, { class: 'reception', direction: 'Inbound', project: 'desk', createdAtMs: 20_980, sendingAtMs: null }),
    aDial(5, 6, 22_000, 4_000, { inUse: 2, epoch: 2 }),
  ];
  const unsent: AttemptFact = {
    ...aDial(5, 7, 17_000, 0, { inUse: 2, outcome: 'Unsent', sendingAtMs: null, boundAtMs: null, callId: null }).attempt,
    id: idOf(199),
    seq: 4.5,
    endedAtMs: 17_200,
    releasedAtMs: 17_200,
  };
  return {
    policies: new Map([[1, declared]]),
    dispatcher: { epoch: 2, seq: 20 },
    heldClasses: new Set(),
    sessions: [
      aSession(1, { endedAtMs: 19_050 }),
      aSession(2, { endedAtMs: 15_050, notBeforeMs: 8_900 }),
      aSession(3, { endedAtMs: 12_050, class: 'vip', createdAtMs: 2_900 }),
      aSession(4, { endedAtMs: 26_050, class: 'reception', direction: 'Inbound', project: 'desk', createdAtMs: 20_980 }),
      aSession(5, { endedAtMs: 26_050, notBeforeMs: 17_500 }),
      aSession(6, { state: 'queued', outcome: null }),
    ],
    attempts: [...dials.map(({ attempt }) => attempt), unsent],
    calls: dials.map(({ call }) => call),
    limits: { told: 'in-answers', changes: [] },
    acknowledged: [1, 2, 3, 5, 6].map(idOf),
    said: {
      epochs: [
        { epoch: 1, worker: 'worker-1' },
        { epoch: 2, worker: 'worker-2' },
      ],
      adopted: new Set(),
      givenUp: new Set(),
    },
  };
}

/** A minute of one dispatcher, busy all the time: every second a call of the class that has the turn, while somebody waits in both; and more dials. */
export function aBusyMinute(turns: readonly string[], more: readonly ReturnType<typeof aDial>[] = []): History {
  const calls = Array.from({ length: 60 }, (_, second) =>
    aDial(second + 1, second + 1, 1_000 * (second + 1), 1_000, {
      class: turns[second % turns.length] ?? '',
      inUse: Math.min(second + 1, 3),
    }),
  );
  const dials = [...calls, ...more];
  const good = aGoodHistory();
  return {
    ...good,
    dispatcher: { epoch: 1, seq: 200 },
    sessions: [
      ...dials.map(({ attempt: { sessionId, class: name, number, endedAtMs } }) => ({
        ...aSession(0, { class: name ?? '', number, endedAtMs }),
        id: sessionId ?? '',
      })),
      ...['campaign', 'survey'].map((name, index) => aSession(500 + index, { class: name, state: 'queued', outcome: null })),
    ],
    attempts: dials.map(({ attempt }) => attempt),
    calls: dials.map(({ call }) => call),
    acknowledged: [],
  };
}

/** The same history with one attempt, call or session changed; found by the sequence of its decision, or its number. */
export const spoil = {
  attempt: (seq: number, change: Partial<AttemptFact>) => (history: History) => ({
    ...history,
    attempts: history.attempts.map((attempt) => (attempt.seq === seq ? { ...attempt, ...change } : attempt)),
  }),
  call: (seq: number, change: Partial<CallFact>) => (history: History) => ({
    ...history,
    calls: history.calls.map((call) => (call.id === `call-${seq}` ? { ...call, ...change } : call)),
  }),
  session: (number: number, change: Partial<SessionFact>) => (history: History) => ({
    ...history,
    sessions: history.sessions.map((session) => (session.id === idOf(number) ? { ...session, ...change } : session)),
  }),
  with:
    (added: {
      readonly sessions?: readonly SessionFact[];
      readonly attempts?: readonly AttemptFact[];
      readonly calls?: readonly CallFact[];
    }) =>
    (history: History) => ({
      ...history,
      sessions: [...history.sessions, ...(added.sessions ?? [])],
      attempts: [...history.attempts, ...(added.attempts ?? [])],
      calls: [...history.calls, ...(added.calls ?? [])],
    }),
  /** From the third dial on another policy is in force. */
  laterPolicy: (later: (first: typeof policy) => typeof policy, attempt: Partial<AttemptFact>) => (history: History) => {
    const first = { ...declared, subscriptions: declared.subscriptions.map((one) => ({ ...one, accountId: 'x' })) };
    return spoil.attempt(3, { policyVersion: 2, ...attempt })({
      ...history,
      policies: new Map([
        [1, first],
        [2, later(first)],
      ]),
    });
  },
  policy: (change: Partial<typeof policy>) => (history: History) => ({ ...history, policies: new Map([[1, { ...declared, ...change }]]) }),
};
