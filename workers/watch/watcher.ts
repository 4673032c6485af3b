import type { Logger } from 'pino';
import type { ProjectPolicy } from '../../capacity/policy/policy.ts';
import {
  afterRequests,
  afterThrottle,
  emptyMinute,
  type MinuteBudget,
  minuteBudget,
  pollingShare,
} from '../../capacity/rates/minute-budget.ts';
import { windowCovers, windowStartMs } from '../../capacity/watching/clock-skew.ts';
import {
  ambiguityHoldMs,
  giveUpPastBoundMs,
  isPutAside,
  listEveryMs,
  lookUpDue,
  recountDue,
  silentAfterMs,
} from '../../capacity/watching/schedule.ts';
import type { ClassName, ProjectName } from '../../crds/values.ts';
import { noteAlive } from '../../ledger/attempts/bind.ts';
import type { Database } from '../../ledger/database.ts';
import { type FailingCall, noteFailing } from '../../ledger/failing-calls.ts';
import { noteListed, readGuard } from '../../ledger/guard.ts';
import type { PoolId } from '../../ledger/policy.ts';
import { troubleOf } from '../../ledger/trouble.ts';
import { attemptsInDoubt, knownCalls, noteLookUps, noteRead, noteSweep, type Watched, type WatchLease } from '../../ledger/watch.ts';
import { attemptIdOf } from '../../providers/vapi/call-name.ts';
import type { ListCursor, SeenCall } from '../../providers/vapi/contract.ts';
import type { Applier, CallNews } from '../events/apply.ts';
import type { Endings } from '../events/endings.ts';
import type { Providers } from '../providers.ts';
import { openProjectClocks } from './project-clocks.ts';

/** Most pages of one list. */
const maxPages = 20;

/** Requests of each minute that a recount leaves to everything else: calls live on meanwhile, and somebody has to hear of their end. */
const leftToOthers = 3;

/** A list for a guard: begun when the guard was so old, and read this far. */
type Recount = {
  readonly guard: string;
  readonly ageMs: number;
  readonly sinceMs: number;
  /** Where it goes on, as long as it takes more requests than were left; undefined when it is over. */
  readonly rest: ListCursor | undefined;
  readonly unsettled: number;
};

export type Watcher = { look(lease: WatchLease, signal: AbortSignal): Promise<void> };

/**
 * Watches one project while this worker holds its lease: lists what changed, looks for creations without an answer, asks about silent calls. Creations
 * and ambiguity come first, all inside the project's request budget.
 */
export function openWatcher(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly providers: Providers;
  readonly applier: Applier;
  readonly endings: Endings;
  /** Longest that a call of a class can hold its line. */
  readonly boundForMs: (className: ClassName | null) => number;
  readonly webhooks: () => 'expected' | 'none';
  /** Milliseconds since 1970, for the provider's request minutes only. */
  readonly wallClock: () => number;
  /** Monotonic milliseconds, as `performance.now()` tells them. */
  readonly now: () => number;
  readonly log: Logger;
}): Watcher {
  type Progress = {
    /** Monotonic: a step of the ledger's clock must not put lists off. */
    nextListAtMs: number;
    missed: number;
    budget: MinuteBudget;
    recounted?: Recount;
  };
  const projects = new Map<ProjectName, Progress>();
  const clocks = openProjectClocks(deps);

  const requestsLeft = ({ budget }: Progress, policy: ProjectPolicy) =>
    minuteBudget(budget, pollingShare(policy.requestsPerMinute), deps.wallClock());

  function spend(state: Progress, requests: number, answered: 'throttled' | 'otherwise'): void {
    const spent = afterRequests(state.budget, requests, deps.wallClock());
    state.budget = answered === 'throttled' ? afterThrottle(spent, deps.wallClock()) : spent;
  }

  function stateOf(project: ProjectName): Progress {
    let state = projects.get(project);
    if (state === undefined) {
      state = { nextListAtMs: 0, missed: 0, budget: emptyMinute };
      projects.set(project, state);
    }
    return state;
  }

  /**
   * Applies a list to the ledger; returns how many endings it told first, and how many calls could not be settled yet. A call that fails keeps none of
   * the others from being applied, but with it the list proves nothing about what it does not show, until it is put aside.
   * @throws the signal's reason: who reads the list anew applies the rest
   */
  async function applyList(
    project: ProjectName,
    calls: readonly SeenCall[],
    signal: AbortSignal,
  ): Promise<{ readonly missed: number; readonly unsettled: number; readonly failed: boolean; readonly failing: ReadonlySet<string> }> {
    const known = await knownCalls(
      deps.database,
      deps.poolId,
      calls.map(({ id, name }) => ({ id, attemptId: attemptIdOf(name) })),
    );
    const alive: string[] = [];
    let missed = 0;
    let unsettled = 0;
    const failures: (FailingCall & { readonly call: SeenCall })[] = [];
    // Oldest first: of two calls that a session made one after the other, the first has to end before the second can be its attempt.
    for (const call of calls.toSorted((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt))) {
      signal.throwIfAborted();
      const attemptId = attemptIdOf(call.name);
      const entry = known.get(call.id);
      // A call of ours that stands in the ledger as a stranger's is one that the ledger has forgotten.
      const state = attemptId === undefined || entry?.attemptId === attemptId ? entry?.state : undefined;
      if (state === 'ended' || state === 'cooling') continue;
      if (!call.terminal && state === 'bound' && attemptId !== undefined) {
        alive.push(attemptId);
        continue;
      }
      if (call.terminal && state === undefined && attemptId === undefined) continue;
      try {
        const changed = await deps.applier.apply(newsOf(project, call));
        if (changed === 'changed' && call.terminal) missed += 1;
        if (changed === 'later') unsettled += 1;
      } catch (error) {
        if (troubleOf(error) === 'away') throw error;
        failures.push({ callId: call.id, call, error });
      }
    }
    if (alive.length > 0) await noteAlive(deps.database, deps.poolId, alive);
    if (failures.length === 0) return { missed, unsettled, failed: false, failing: new Set() };
    const counts = await noteFailing(deps.database, deps.poolId, project, failures);
    let inTheWay = 0;
    for (const { call } of failures) {
      const counted = counts.get(call.id);
      const aside = counted !== undefined && isPutAside(counted) && (await deps.applier.putAside(newsOf(project, call)));
      if (!aside) inTheWay += 1;
    }
    const putAside = failures.length - inTheWay;
    deps.log.error({ err: failures[0]?.error, project, calls: failures.length, putAside }, 'calls of a list could not be applied');
    return { missed, unsettled: unsettled + inTheWay, failed: inTheWay > 0, failing: new Set(counts.keys()) };
  }

  async function listChanges(lease: WatchLease, signal: AbortSignal): Promise<void> {
    const provider = deps.providers.of(lease.project);
    const state = stateOf(lease.project);
    if (provider === undefined || deps.now() < state.nextListAtMs) return;
    const polling = pollingShare(provider.policy.requestsPerMinute);
    const pages = Math.min(maxPages, requestsLeft(state, provider.policy));
    if (pages < 1) return;
    const { sweep } = lease;
    const sinceMs = sweep?.sinceMs ?? windowStartMs(lease.readUntilMs, await clocks.skewOf(lease.project, provider.api));
    const from = sweep && { createdBefore: new Date(sweep.beforeMs), unreadable: sweep.unreadable };
    const listing = await provider.api.listUpdatedSince(new Date(sinceMs), { maxRequests: pages, signal, from });
    spend(state, listing.requests, listing.throttled ? 'throttled' : 'otherwise');
    const { missed, failed } = await applyList(lease.project, listing.calls, signal);
    state.missed = missed;
    state.nextListAtMs = deps.now() + listEveryMs({ pollingPerMinute: polling, webhooks: deps.webhooks(), missed: state.missed });
    const covers = windowCovers(sinceMs, lease.readUntilMs, await clocks.skewOf(lease.project, provider.api));
    const startedMs = sweep?.startedMs ?? lease.nowMs;
    if (listing.complete && !failed && covers) {
      await noteRead(deps.database, deps.poolId, lease.project, startedMs, listing.calls[0]?.orgId);
      return;
    }
    // What was not read lies in the past of what was: only the end of the list moves the instant up to which everything is known.
    const rest = covers ? listing.rest : undefined;
    const next = rest && { sinceMs, startedMs, beforeMs: rest.createdBefore.getTime(), unreadable: rest.unreadable || failed };
    if (next !== undefined || sweep !== undefined) await noteSweep(deps.database, deps.poolId, lease.project, next);
  }

  /** Looks for calls whose creation had no answer. One complete list serves all of the project; only one late enough proves absence. */
  async function searchAmbiguous(lease: WatchLease, doubtful: readonly Watched[], signal: AbortSignal): Promise<void> {
    const provider = deps.providers.of(lease.project);
    const due = doubtful.filter((attempt) => attempt.ambiguousForMs !== null && lookUpDue(attempt.ambiguousForMs, attempt.lookUps));
    const state = stateOf(lease.project);
    const oldestMs = Math.min(...due.map((attempt) => attempt.sendingAtMs ?? lease.nowMs));
    if (provider === undefined || due.length === 0) return;
    const pages = Math.min(maxPages, requestsLeft(state, provider.policy));
    if (pages < 1) return;
    const sinceMs = windowStartMs(oldestMs, await clocks.skewOf(lease.project, provider.api));
    const listing = await provider.api.listCreatedSince(new Date(sinceMs), { maxRequests: pages, signal });
    spend(state, listing.requests, listing.throttled ? 'throttled' : 'otherwise');
    const { failed, failing } = await applyList(lease.project, listing.calls, signal);
    await noteLookUps(
      deps.database,
      due.map((attempt) => attempt.attemptId),
    );
    const skew = await clocks.skewOf(lease.project, provider.api);
    const listed = new Map(listing.calls.map((call) => [attemptIdOf(call.name), call]));
    for (const attempt of due) {
      const doubtMs = attempt.ambiguousForMs ?? 0;
      const call = listed.get(attempt.attemptId);
      if (call !== undefined) {
        const pastBound = doubtMs > deps.boundForMs(attempt.class) + giveUpPastBoundMs;
        if (pastBound && call.terminal && failing.has(call.id)) await release(attempt, 'Unknown', 'LookUpsFailed');
        continue;
      }
      const covers = windowCovers(sinceMs, attempt.sendingAtMs ?? lease.nowMs, skew);
      if (!listing.complete || failed || !covers) {
        // Whatever call there may be is over by now, and nobody could say whether there was one (I6).
        if (doubtMs > deps.boundForMs(attempt.class) + giveUpPastBoundMs) await release(attempt, 'Unknown', 'LookUpsFailed');
        continue;
      }
      if (doubtMs < ambiguityHoldMs) continue;
      deps.log.info({ attempt: attempt.attemptId, project: lease.project }, 'no call was created: the session waits again');
      await deps.endings.end({
        attemptId: attempt.attemptId,
        outcome: 'Unsent',
        endedReason: 'NotCreated',
        line: 'never-taken',
        limits: undefined,
      });
    }
  }

  /**
   * Reads every call since the last instant that the ledger surely knows, after it lost its newest part. At once, so that what lives is counted soon,
   * and again until one complete list is late enough that the provider shows all that was created before. After a backup was restored that may be a
   * day's calls: then it is read in parts, minute by minute.
   */
  async function recount(lease: WatchLease, signal: AbortSignal): Promise<void> {
    const guard = await readGuard(deps.database, deps.poolId);
    const provider = deps.providers.of(lease.project);
    if (guard === undefined || guard.listed.has(lease.project) || provider === undefined) return;
    const state = stateOf(lease.project);
    const before = state.recounted?.guard === guard.id ? state.recounted : undefined;
    if (before?.rest === undefined && !recountDue(guard.ageMs, before?.ageMs)) return;
    const pages = Math.min(maxPages, requestsLeft(state, provider.policy) - leftToOthers);
    if (pages < 1) return;
    const begun = before?.rest === undefined ? undefined : before;
    const sinceMs = begun?.sinceMs ?? windowStartMs(guard.certainAtMs, await clocks.skewOf(lease.project, provider.api));
    const listing = await provider.api.listCreatedSince(new Date(sinceMs), { maxRequests: pages, signal, from: begun?.rest });
    spend(state, listing.requests, listing.throttled ? 'throttled' : 'otherwise');
    const unsettled = (begun?.unsettled ?? 0) + (await applyList(lease.project, listing.calls, signal)).unsettled;
    const { complete, rest } = listing;
    const recounted: Recount = {
      guard: guard.id,
      ageMs: begun?.ageMs ?? guard.ageMs,
      sinceMs,
      rest: complete ? undefined : rest,
      unsettled,
    };
    state.recounted = recounted;
    deps.log.info({ project: lease.project, calls: listing.calls.length, complete, unsettled }, 'calls listed for the guard');
    if (!complete && rest === undefined) {
      const remedy = 'the whole pool waits for it: mend its key, or take the project out of the pool';
      deps.log.warn({ project: lease.project, guard: guard.reason }, `the calls of this project cannot be listed: ${remedy}`);
    }
    const covers = windowCovers(sinceMs, guard.certainAtMs, await clocks.skewOf(lease.project, provider.api));
    if (complete && covers && unsettled === 0 && recounted.ageMs >= ambiguityHoldMs)
      await noteListed(deps.database, deps.poolId, lease.project, guard.id);
  }

  async function askAboutSilent(lease: WatchLease, doubtful: readonly Watched[], signal: AbortSignal): Promise<void> {
    const provider = deps.providers.of(lease.project);
    if (provider === undefined) return;
    const state = stateOf(lease.project);
    for (const attempt of doubtful) {
      if (attempt.callId === null || attempt.ambiguousForMs !== null) continue;
      if (requestsLeft(state, provider.policy) < 1) return;
      const found = await provider.api.get(attempt.callId, signal);
      spend(state, 1, found.kind === 'failed' && found.status === 429 ? 'throttled' : 'otherwise');
      if (found.kind === 'found') await applyFound(lease.project, attempt, found.call);
      else if (found.kind === 'gone') await release(attempt, 'Unknown', 'CallGone');
      else if ((attempt.pastBoundMs ?? 0) > giveUpPastBoundMs) await release(attempt, 'Unknown', 'LookUpsFailed');
    }
  }

  /** One whose news fails keeps none of the others from being asked about; it holds its line until it is over and its bound has passed (I6). */
  async function applyFound(project: ProjectName, attempt: Watched, call: SeenCall): Promise<void> {
    try {
      await deps.applier.apply(newsOf(project, call));
    } catch (error) {
      if (troubleOf(error) === 'away') throw error;
      deps.log.error({ err: error, project, call: call.id }, 'a call that was looked up could not be applied');
      if (call.terminal && (attempt.pastBoundMs ?? 0) > giveUpPastBoundMs) await release(attempt, 'Unknown', 'LookUpsFailed');
    }
  }

  async function release(attempt: Watched, outcome: 'Unknown', reason: string): Promise<void> {
    deps.log.warn({ attempt: attempt.attemptId, reason }, 'attempt ends with unknown outcome');
    try {
      await deps.endings.end({ attemptId: attempt.attemptId, outcome, endedReason: reason, line: 'taken', limits: undefined });
    } catch (error) {
      if (troubleOf(error) === 'away') throw error;
      deps.log.error({ err: error, attempt: attempt.attemptId }, 'an attempt past its bound could not be ended: tried again');
    }
  }

  return {
    async look(lease, signal) {
      // What the last list before told is no measure for what its former watcher may have left.
      if (lease.gained) stateOf(lease.project).nextListAtMs = 0;
      await recount(lease, signal);
      const doubtful = await attemptsInDoubt(deps.database, deps.poolId, lease.project, silentAfterMs);
      await searchAmbiguous(lease, doubtful, signal);
      await listChanges(lease, signal);
      await askAboutSilent(lease, doubtful, signal);
    },
  };
}

function newsOf(project: ProjectName, call: SeenCall): CallNews {
  return {
    project,
    callId: call.id,
    callName: call.name,
    direction: call.direction === 'Outbound' ? 'Outbound' : 'Inbound',
    status: call.terminal ? 'ended' : 'live',
    endedReason: call.endedReason,
    controlUrl: call.controlUrl,
    costUsd: call.costUsd,
    claim: { pool: call.ours?.pool, sessionId: call.ours?.session, class: call.ours?.class, number: call.customerNumber },
  };
}
