import type { ClassName, ProjectName } from '../../crds/values.ts';
import type { Blocked, Guarded } from '../admission/snapshot.ts';
import type { GuardReason } from '../guard/guard.ts';
import type { SessionOutcome } from '../outcomes.ts';
import type { ClassView, PoolView } from '../view.ts';

/** What people are told about a wait: the decision's own reason in a sentence, and the figures around it. No second opinion is formed here. */

/** A view older than this says nothing about now: no dispatcher is at work. */
const staleAfterMs = 5_000;

/** Which limit it is, and what frees it, for a session of class `name`. */
export function describeBlocked(why: Blocked, name: string): string {
  switch (why.by) {
    case 'mode':
      return why.mode === 'Hold'
        ? 'The pool is in mode Hold: nothing starts until its mode is Active again.'
        : 'The pool is in mode Observe: it says what it would do and places nothing.';
    case 'guard':
      return describeGuard(why);
    case 'hold':
      return why.scope === 'pool'
        ? 'The pool is held: nothing starts until `trunkline resume`.'
        : `Class ${name} is held: nothing of it starts until \`trunkline resume --class ${name}\`.`;
    case 'pool':
      return `The pool's budget of ${slots(why.limit)} is in use: it waits for any session of the pool to end.`;
    case 'direction':
      return `All ${slots(why.limit)} for ${why.direction.toLowerCase()} sessions are in use: it waits for one of those to end.`;
    case 'class':
      return `Its class has its limit of ${slots(why.limit)} in use: it waits for a session of the class to end.`;
    case 'project':
      return why.projects.length === 0
        ? `There is no project for it: ${why.reason}.`
        : `It cannot run in ${listed(why.projects)} now: ${why.reason}.`;
    case 'subscription':
      return why.ceiling === 0
        ? `Subscription ${why.subscription} has no usable line now: it waits until the provider shows one.`
        : `All ${slots(why.ceiling)} of subscription ${why.subscription} are in use: it waits for one of its calls to end.`;
    case 'upstream':
      return `Upstream ${why.upstream} has too few of its ${why.limit} units free: it waits for a call through it to end.`;
    case 'reservation':
      return describeReservation(why);
    case 'rate':
      return `${limiterName(why.limiter)} lets the next call through at ${new Date(why.retryAtMs).toISOString()}.`;
  }
}

/** Why sessions of the class wait, line by line; the class is looked up by its name. */
export function explainClass(view: PoolView, name: string, nowMs: number): readonly string[] {
  const own = view.classes.find((candidate) => candidate.name === name);
  if (own === undefined) {
    return [`The pool has no class ${name}: it has ${view.classes.map((candidate) => candidate.name).join(', ')}.`];
  }
  const stops = stopsOf(view, own).map((why) => describeBlocked(why, own.name));
  const lines = [...staleness(view, nowMs), useOf(own), ...stops];
  if (own.queued === 0) return [...lines, 'No session of it waits.'];
  const since = own.oldestWaitMs === null ? '' : `, the first for ${seconds(own.oldestWaitMs)}`;
  lines.push(`${count(own.queued, 'session')} of it ${own.queued === 1 ? 'waits' : 'wait'}${since}.`);
  const why = own.blocked === null ? unblocked(own, stops.length > 0) : describeBlocked(own.blocked, own.name);
  if (why !== undefined && !stops.includes(why)) lines.push(why);
  return [...lines, ...freeing(view, own)];
}

/** What stops the class whether a session of it waits or not: callers hardly ever wait, and are refused all the same. */
function stopsOf({ mode, guard, holds }: PoolView, { name }: ClassView): readonly Blocked[] {
  const stops: Blocked[] = [];
  if (mode !== 'Active') stops.push({ by: 'mode', mode });
  if (guard !== undefined) stops.push({ by: 'guard', reason: guard.reason, unlisted: guard.unlisted });
  if (holds.pool) stops.push({ by: 'hold', scope: 'pool' });
  if (holds.classes.includes(name)) stops.push({ by: 'hold', scope: 'class' });
  return stops;
}

/** Without a session that is ready, everything that waits does so for its time. */
function unblocked({ oldestWaitMs }: ClassView, stopped: boolean): string | undefined {
  if (oldestWaitMs === null)
    return 'None is due: they wait for their notBefore, for the pause before another attempt, or for their number to be free.';
  return stopped ? undefined : 'Nothing holds the first one back: it starts with the next decision.';
}

/** What is known of one session, as the intake API shows it. */
export type ExplainedSession = {
  readonly id: string;
  readonly class: ClassName;
  readonly state: string;
  readonly project: ProjectName | null;
  /** Set while it must not start yet: a redial, or a time that its sender asked for. */
  readonly notBeforeMs: number | null;
  /** Sessions of its class before it; null when unknown. */
  readonly ahead: number | null;
  readonly outcome: SessionOutcome | null;
  readonly outcomeReason: string | null;
};

/** Why the session is where it is, line by line. */
export function explainSession(view: PoolView, session: ExplainedSession, nowMs: number): readonly string[] {
  if (session.outcome !== null) {
    return [`Session ${session.id} has ended: ${session.outcome}${session.outcomeReason === null ? '' : `, ${session.outcomeReason}`}.`];
  }
  if (session.state !== 'queued') {
    const where = session.project === null ? '' : ` in project ${session.project}`;
    return [`Session ${session.id} does not wait: it is ${session.state}${where}.`];
  }
  if (session.notBeforeMs !== null && session.notBeforeMs > nowMs) {
    return [`Session ${session.id} waits for its time: not before ${new Date(session.notBeforeMs).toISOString()}.`];
  }
  const pinned = session.project === null ? [] : [`It may run in project ${session.project} only.`];
  const ahead = session.ahead === null || session.ahead === 0 ? [] : [`${count(session.ahead, 'session')} of its class come first.`];
  return [`Session ${session.id} waits in class ${session.class}.`, ...pinned, ...ahead, ...explainClass(view, session.class, nowMs)];
}

const lossOf: Readonly<Record<GuardReason, string>> = {
  NewTimeline: 'a replica was promoted or a backup recovered',
  OtherCopy: 'it is a copy on another server',
  WentBack: 'it is older than what a worker has seen of it',
};

/** What a guarded pool waits for, in a sentence. */
export function describeGuard({ reason, unlisted }: Guarded): string {
  const projects = unlisted.length === 0 ? 'its projects' : `${unlisted.length === 1 ? 'project' : 'projects'} ${listed(unlisted)}`;
  return `The ledger may have lost its newest part (${lossOf[reason]}): nothing starts until the provider has listed the calls of ${projects}.`;
}

function describeReservation({ heldFor, withheld, proof }: Extract<Blocked, { by: 'reservation' }>): string {
  const whose = heldFor.length === 0 ? 'reservations' : `the reservation of ${listed(heldFor)}`;
  if (proof === 'not-proven') {
    return `It was not proven in time that ${whose} would stay placeable, so it waits: fewer crossing upstreams make that easier.`;
  }
  if (withheld === 0)
    return `What is free would be taken from ${whose}, which is short of lines already: it waits for other sessions to end.`;
  return `The ${slots(withheld)} that ${withheld === 1 ? 'is' : 'are'} free belong to ${whose}: it waits for a session that holds none of them to end.`;
}

function useOf(own: ClassView): string {
  const limit = own.limit === null ? '' : ` of at most ${own.limit}`;
  const reserved = own.reserved === 0 ? '' : `; ${own.reserved} reserved, ${own.withheld} of them kept free`;
  return `Class ${own.name} (priority ${own.priority}) has ${slots(own.inUse)} in use${limit}${reserved}.`;
}

/** Figures of the limit that binds: what would have to end. */
function freeing(view: PoolView, { blocked }: ClassView): readonly string[] {
  if (blocked?.by === 'subscription') {
    const subscription = view.subscriptions.find(({ name }) => name === blocked.subscription);
    if (subscription === undefined) return [];
    const { name, inUse, cooling, foreign, limit, releaseLagMs } = subscription;
    const parts = [`Subscription ${name}: limit ${limit}, ${slots(inUse)} in use`];
    if (cooling > 0) parts.push(`${cooling} of them cooling for up to ${seconds(releaseLagMs)} after the end`);
    if (foreign > 0) parts.push(`${count(foreign, 'line')} held by calls that are not the pool's`);
    return [`${parts.join('; ')}.`];
  }
  if (blocked?.by !== 'reservation') return [];
  return view.classes
    .filter(({ name }) => blocked.heldFor.includes(name))
    .map(({ name, reserved, inUse, withheld }) => `Class ${name}: ${reserved} reserved, ${inUse} in use, ${withheld} kept free.`);
}

function staleness(view: PoolView, nowMs: number): readonly string[] {
  const ageMs = nowMs - view.atMs;
  return ageMs > staleAfterMs ? [`This is ${seconds(ageMs)} old: no dispatcher is at work, and nothing starts until one is.`] : [];
}

/** `subscription/main` → `Subscription main's rate`. */
function limiterName(limiter: string): string {
  const [kind = '', name = ''] = limiter.split('/');
  if (kind === 'project') return `The request rate of project ${name}`;
  return `The rate (calls per second) of ${kind} ${name}`;
}

function slots(many: number): string {
  return count(many, 'slot');
}

function count(many: number, noun: string): string {
  return `${many} ${noun}${many === 1 ? '' : 's'}`;
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 1_000)} s`;
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
