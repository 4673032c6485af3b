import type { Admitted, Blocked, Snapshot, StepDecision, Waiting } from '../../capacity/admission/snapshot.ts';
import { decideStep } from '../../capacity/admission/step.ts';
import { sendWindowMs } from '../../capacity/rates/limiter.ts';
import type { ProjectName, SubscriptionName } from '../../crds/values.ts';
import { admitArrivals } from '../../ledger/dispatch/admit-arrivals.ts';
import { type AdmissionRecord, type Committed, commitAdmissions, maxBatch } from '../../ledger/dispatch/commit-admissions.ts';
import type { Head, Lane } from '../../ledger/dispatch/fetch-waiting.ts';
import { releaseSlots } from '../../ledger/dispatch/release-slots.ts';
import { parkSessions } from '../../ledger/dispatch/upkeep.ts';
import { newId } from '../../ledger/ids.ts';
import { arrivalOf } from './candidates.ts';
import { type Desk, note, snapshotOf, subscriptionOf } from './desk.ts';
import { decideOnHeads, firstLook, type Looked } from './heads.ts';
import { movedRates } from './rates.ts';

/** How long an owner may take to send what no rate paces; then it is taken back. */
const sendWithinMs = 2_000;

/** What was decided, and when by the ledger's clock. */
type Decision = StepDecision & { readonly atMs: number; readonly snapshot: Snapshot };

/** What was decided and could not be made is decided anew after this: whoever held its row has let go, or has changed it. */
const madeAgainMs = 50;

/** Newest decisions that the view keeps. */
const keptDecisions = 20;

/** Looks at the heads of the queue before it is known how many may start. */
export const lookAhead = (desk: Desk): Promise<readonly Looked[]> => firstLook(desk, lanesOf(desk));

/**
 * Admits what may be admitted now: decides on the heads of the queue, fetched unless `ahead` has them already, together with the callers who wait, and
 * commits. Returns whether another round could admit more.
 */
export async function admitRound(desk: Desk, ahead?: readonly Looked[]): Promise<'again' | 'done'> {
  const arrivals = [...desk.arrivals.values()].flatMap((attempt) => arrivalOf(attempt, desk.book.placeOf(attempt)) ?? []);
  const room = roomFor(desk);
  const looked = ahead ?? (await firstLook(desk, lanesOf(desk), room));
  const { fetched, waiting, parked, decision, more } = await decideOnHeads(desk, looked, room, (heads) => {
    const snapshot = snapshotOf(desk);
    return { ...decideStep(snapshot, [...arrivals, ...heads]), snapshot, atMs: snapshot.nowMs };
  });
  noteOldest(desk, fetched);
  if (parked.length > 0) await parkSessions(desk.connection, desk.poolId, parked);
  const made = await commit(desk, decision, fetched, new Map([...arrivals, ...waiting].map((session) => [session.id, session])));
  recordRefusals(desk, decision);
  if (desk.policy.mode === 'Observe')
    noteWouldBe(desk, decideStep({ ...decision.snapshot, policy: { ...desk.policy, mode: 'Active' } }, [...arrivals, ...waiting]));
  if (decision.nextRateAtMs !== undefined) desk.nextStepAtMs = Math.min(desk.nextStepAtMs, decision.nextRateAtMs);
  return parked.length > 0 || (more && made > 0) ? 'again' : 'done';
}

/** Mode Observe: says of each class who would be admitted next and where, once as long as it stays the same. */
function noteWouldBe(desk: Desk, { admitted }: StepDecision): void {
  const said = new Set<string>();
  for (const { class: name, session, project } of admitted) {
    if (said.has(name)) continue;
    said.add(name);
    const last = desk.decisions.find((decision) => decision.class === name);
    if (last?.session === session && last.project === project) continue;
    keepDecision(desk, { class: name, session, project, why: { by: 'mode', mode: 'Observe' } });
  }
}

/** Writes down which slots are free, when no admission has done so. */
export async function writeReleased(desk: Desk): Promise<void> {
  if (desk.released.length > 0) await releaseSlots(desk.connection, desk.poolId, desk.released.splice(0));
}

function lanesOf({ policy, pinnedLanes }: Desk): readonly Lane[] {
  const dialled = policy.classes.filter(({ direction }) => direction !== 'Inbound');
  return [...dialled.map(({ name }): Lane => ({ class: name, project: '' })), ...pinnedLanes];
}

function noteOldest(desk: Desk, fetched: readonly Head[]): void {
  desk.oldestReadyMs.clear();
  for (const head of fetched) {
    desk.oldestReadyMs.set(head.class, Math.min(desk.oldestReadyMs.get(head.class) ?? Number.POSITIVE_INFINITY, head.readyAtMs));
  }
}

/** Slots that might be free: how far it is worth looking into the queue. */
function roomFor(desk: Desk): number {
  let room = 0;
  for (const subscription of desk.policy.subscriptions) {
    room += Math.max(0, desk.learning.ceiling(subscription, desk.book).ceiling - desk.book.held(subscription.name));
  }
  return Math.min(room, maxBatch);
}

async function commit(desk: Desk, decision: Decision, fetched: readonly Head[], waiting: ReadonlyMap<string, Waiting>): Promise<number> {
  desk.plan = decision.plan;
  if (decision.admitted.length === 0) return 0;
  const callers = decision.admitted.filter(({ session }) => desk.arrivals.has(session));
  const dials = decision.admitted.filter(({ session }) => !desk.arrivals.has(session)).slice(0, maxBatch);
  let made = 0;
  if (callers.length > 0) made += await commitCallers(desk, callers);
  if (dials.length > 0) made += await commitDials(desk, dials, decision, new Map(fetched.map((head) => [head.id, head])));
  const nowMs = desk.clock.now();
  for (const admitted of decision.admitted) {
    const session = waiting.get(admitted.session);
    if (session !== undefined) desk.statistics.admitted(admitted.class, Math.max(0, nowMs - session.readySinceMs), nowMs);
    keepDecision(desk, { class: admitted.class, session: admitted.session, project: admitted.project, why: null });
  }
  // What was decided and not made (cancelled meanwhile) must not linger in the plan: it is proven anew next time.
  if (made < decision.admitted.length) {
    desk.plan = undefined;
    if (desk.workers.length > 0) desk.nextStepAtMs = Math.min(desk.nextStepAtMs, nowMs + madeAgainMs);
  }
  return made;
}

async function commitCallers(desk: Desk, callers: readonly Admitted[]): Promise<number> {
  await writeReleased(desk);
  const records = callers.flatMap(({ session }) => {
    const attempt = desk.arrivals.get(session);
    if (attempt === undefined) return [];
    desk.seq += 1;
    const subscription = desk.book.subscriptionOf(attempt);
    return [{ attemptId: session, subscription, seq: desk.seq, ...countsAt(desk, subscription), sendWithinMs }];
  });
  const admitted = await admitArrivals(desk.connection, {
    poolId: desk.poolId,
    epoch: desk.epoch,
    policyVersion: desk.policyVersion,
    records,
  });
  for (const id of admitted) {
    const attempt = desk.arrivals.get(id);
    if (attempt === undefined) continue;
    const [nowMs, subscription] = [desk.clock.now(), desk.book.subscriptionOf(attempt)];
    const by = { subscription, policyVersion: desk.policyVersion };
    note(desk, { ...attempt, ...by, state: 'admitted', admittedAtMs: nowMs, sendByMs: nowMs + sendWithinMs });
  }
  return admitted.length;
}

async function commitDials(
  desk: Desk,
  dials: readonly Admitted[],
  decision: Decision,
  fetched: ReadonlyMap<string, Head>,
): Promise<number> {
  if (desk.workers.length === 0) return 0;
  const records: AdmissionRecord[] = [];
  const added = new Map<string, number>();
  for (const { session, class: name, project, probe } of dials) {
    const subscription = subscriptionOf(desk.policy, project);
    if (subscription === undefined) continue;
    desk.seq += 1;
    const before = added.get(subscription.name) ?? 0;
    added.set(subscription.name, before + 1);
    const counts = countsAt(desk, subscription.name);
    records.push({
      sessionId: session,
      attemptId: newId(),
      class: name,
      project,
      subscription: subscription.name,
      owner: ownerOf(desk),
      seq: desk.seq,
      ceiling: counts.ceiling,
      inUse: counts.inUse + before + 1,
      fromNumberId: numberToCallFrom(desk, name, project),
      probe,
      sendWithinMs: isPaced(desk, project) ? sendWindowMs : sendWithinMs,
    });
  }
  const moved = movedRates(decision.snapshot.rates, decision.rates, desk.lineage.accounts);
  const committed = await commitAdmissions(desk.connection, {
    poolId: desk.poolId,
    epoch: desk.epoch,
    policyVersion: desk.policyVersion,
    decidedAtMs: decision.atMs,
    records,
    rates: moved,
    released: desk.released.splice(0),
  });
  for (const [name, state] of moved) desk.rates.set(name, state);
  const byAttempt = new Map(records.map((record) => [record.attemptId, record]));
  noteProbes(
    desk,
    dials,
    committed.flatMap(({ attemptId }) => byAttempt.get(attemptId) ?? []),
  );
  for (const made of committed) enterDial(desk, made, byAttempt.get(made.attemptId), fetched);
  return committed.length;
}

function enterDial(desk: Desk, made: Committed, record: AdmissionRecord | undefined, fetched: ReadonlyMap<string, Head>): void {
  const head = record === undefined ? undefined : fetched.get(record.sessionId);
  if (record === undefined || head === undefined) throw new Error(`attempt ${made.attemptId} was committed but never decided`);
  desk.statistics.created(desk.clock.now());
  note(desk, {
    id: made.attemptId,
    sessionId: record.sessionId,
    class: record.class,
    direction: 'Outbound',
    project: record.project,
    subscription: record.subscription,
    number: head.number,
    state: 'admitted',
    refusal: null,
    owner: record.owner,
    policyVersion: desk.policyVersion,
    enteredVersion: desk.policyVersion,
    ambiguous: false,
    outcome: null,
    admittedAtMs: made.admittedAtMs,
    sendByMs: made.sendByMs,
    sendingAtMs: null,
    boundAtMs: null,
    endedAtMs: null,
    session: { seq: head.seq, score: head.score, readyAtMs: head.readyAtMs, labels: head.labels },
  });
}

/** By what a line of this subscription was decided on. */
function countsAt(desk: Desk, name: SubscriptionName): { readonly ceiling: number; readonly inUse: number } {
  const subscription = desk.policy.subscriptions.find((declared) => declared.name === name);
  const ceiling = subscription === undefined ? 0 : desk.learning.ceiling(subscription, desk.book).ceiling;
  return { ceiling, inUse: desk.book.held(name) };
}

function noteProbes(desk: Desk, dials: readonly Admitted[], records: readonly AdmissionRecord[]): void {
  const nowMs = desk.clock.now();
  const pauses = desk.learning.pauses(desk.policy, nowMs);
  for (const record of records) {
    if (dials.some((dial) => dial.session === record.sessionId && dial.probe))
      desk.learning.probeSent(record.attemptId, record.subscription, nowMs);
    if (pauses.has(record.project)) desk.learning.pausedProjectTried(record.attemptId, record.project, nowMs);
  }
}

/** Owners take turns: all of them hear and send equally fast. */
function ownerOf(desk: Desk): number {
  const owner = desk.workers[desk.seq % desk.workers.length];
  if (owner === undefined) throw new Error('no worker serves');
  return owner;
}

function numberToCallFrom(desk: Desk, name: Admitted['class'], project: ProjectName): string | null {
  const numbers = desk.policy.classes.find((candidate) => candidate.name === name)?.callFrom.get(project) ?? [];
  return numbers[desk.seq % Math.max(1, numbers.length)]?.id ?? null;
}

/** Whether calls per second bound this project's creations, so that the moment of sending counts. */
function isPaced(desk: Desk, project: ProjectName): boolean {
  const declared = desk.policy.projects.find((candidate) => candidate.name === project);
  if (subscriptionOf(desk.policy, project)?.callsPerSecond !== undefined) return true;
  return desk.policy.upstreams.some((upstream) => upstream.callsPerSecond !== undefined && declared?.upstreams.includes(upstream.name));
}

function recordRefusals(desk: Desk, decision: StepDecision): void {
  desk.blocked.clear();
  for (const refused of decision.refused) {
    if (desk.blocked.has(refused.class)) continue;
    desk.blocked.set(refused.class, refused.why);
    if (!sameReason(lastReason(desk, refused.class), refused.why)) {
      keepDecision(desk, { class: refused.class, session: refused.session, project: null, why: refused.why });
    }
  }
}

function lastReason(desk: Desk, name: Admitted['class']): Blocked | null | undefined {
  return desk.decisions.find((decision) => decision.class === name)?.why;
}

function sameReason(a: Blocked | null | undefined, b: Blocked): boolean {
  return a !== null && a !== undefined && a.by === b.by;
}

function keepDecision(desk: Desk, decision: Pick<Desk['decisions'][number], 'class' | 'session' | 'project' | 'why'>): void {
  desk.decisions.unshift({ atMs: desk.clock.now(), seq: desk.seq, ...decision });
  desk.decisions.length = Math.min(desk.decisions.length, keptDecisions);
}
