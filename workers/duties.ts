import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ProjectName } from '../crds/values.ts';
import type { Database } from '../ledger/database.ts';
import type { PoolId } from '../ledger/policy.ts';
import { dropWatchLeases, projectsWithCalls, takeWatchLeases } from '../ledger/watch.ts';
import type { WorkerId } from '../ledger/workers.ts';
import type { Candidate } from './dispatch/candidate.ts';
import { repeat } from './repeat.ts';
import type { FollowingResults } from './results/following.ts';
import type { Watcher } from './watch/watcher.ts';

/** What a serving worker does by itself, beside answering requests: it stands for dispatcher, dials, watches calls, and keeps the pool in order. */
export type Duties = {
  takeUp(): void;
  /** Hands all of it on, and resolves when nothing is in flight any more, or after `withinMs`. */
  handOver(withinMs: number): Promise<void>;
  /** Whether admissions are dialled. */
  readonly dialling: boolean;
};

/** A regular work, and how often it is done. */
export type Chore = { readonly name: string; readonly everyMs: number; readonly work: (signal: AbortSignal) => Promise<void> };

/** Longest that a dispatcher takes to see that a worker drains. */
const notNoticedMs = 800;

/** What is stopped gets so long to end even when the time to drain is over. */
const endsWithinMs = 1_000;

const watchEveryMs = 1_000;

type Shift = {
  readonly stop: AbortController;
  readonly chores: Promise<unknown>;
  readonly watching: AbortController;
  readonly watch: Promise<unknown>;
  readonly results: FollowingResults;
};

export function openDuties(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly owner: () => WorkerId;
  readonly candidate: Candidate;
  readonly watcher: Watcher;
  /** All projects whose calls may have to be watched; of those that were removed, `former` is asked which still have calls. */
  readonly projects: () => { readonly declared: readonly ProjectName[]; readonly former: readonly ProjectName[] };
  readonly chores: readonly Chore[];
  readonly startResults: () => FollowingResults;
  /** Dials and callers that are being dealt with. */
  readonly inFlight: () => number;
  /** Tells the ledger at once that this worker drains. */
  readonly announce: () => Promise<void>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
}): Duties {
  const { database, poolId, log } = deps;
  // Looks may outlast their lease when the provider is slow. Leases are renewed meanwhile: a second watcher would spend the same requests again.
  const looks = new Map<ProjectName, Promise<void>>();
  let shift: Shift | undefined;
  let dialling = false;

  async function watch(signal: AbortSignal): Promise<void> {
    const busy = new Set(await projectsWithCalls(database, poolId));
    const { declared, former } = deps.projects();
    const projects = [...declared, ...former.filter((name) => busy.has(name))];
    for (const lease of await takeWatchLeases(database, poolId, deps.owner(), projects, projects.length)) {
      if (looks.has(lease.project)) continue;
      const look = deps.watcher
        .look(lease, signal)
        .catch((error: unknown) => {
          // Whoever watches next looks at what was left.
          if (!signal.aborted) log.warn({ err: error, project: lease.project }, 'calls not looked at: tried again');
        })
        .finally(() => looks.delete(lease.project));
      looks.set(lease.project, look);
    }
  }

  function regularly({ name, everyMs, work }: Chore, signal: AbortSignal): Promise<void> {
    const onError = (error: unknown) => log.warn({ err: error }, `${name} failed and is tried again`);
    return repeat({ everyMs, signal, onError }, () => work(signal));
  }

  /** Waits for a part of the handing over, and no longer than that: others take over by themselves what was not handed on. */
  async function atMost(withinMs: number, what: string, part: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    const late = sleep(withinMs, 'late' as const, { signal: over.signal }).catch(() => 'ended' as const);
    const ended = part.then(
      () => 'ended' as const,
      (error: unknown) => {
        log.warn({ err: error }, `${what} failed`);
        return 'ended' as const;
      },
    );
    const how = await Promise.race([ended, late]);
    over.abort();
    if (how === 'late') log.warn(`${what} takes too long and is not waited for`);
  }

  /** Another worker watches as soon as the leases are free; not given back, they lapse. */
  async function stopWatching({ watching, watch: ended }: Shift): Promise<void> {
    watching.abort();
    await ended;
    await Promise.all(looks.values());
    await dropWatchLeases(database, poolId, deps.owner()).catch((error: unknown) =>
      log.warn({ err: error }, 'watch leases not given back: they lapse by themselves'),
    );
  }

  return {
    get dialling() {
      return dialling;
    },
    takeUp() {
      if (shift !== undefined) return;
      const [stop, watching] = [new AbortController(), new AbortController()];
      dialling = true;
      deps.candidate.rejoin();
      shift = {
        stop,
        watching,
        chores: Promise.all(deps.chores.map((chore) => regularly(chore, stop.signal))),
        watch: regularly({ name: 'watch', everyMs: watchEveryMs, work: watch }, watching.signal),
        results: deps.startResults(),
      };
    },
    async handOver(withinMs) {
      const ending = shift;
      if (ending === undefined) return;
      const deadlineMs = deps.now() + withinMs;
      const left = () => Math.max(0, deadlineMs - deps.now());
      await atMost(left(), 'telling the ledger that this worker drains', deps.announce());
      await atMost(left(), 'giving back leases and the lead', Promise.all([deps.candidate.withdraw(), stopWatching(ending)]));
      // Until the dispatcher has seen that we leave, it gives us work, and what it gave us is done sooner by us than taken back from us.
      await sleep(Math.min(notNoticedMs, left()));
      dialling = false;
      while (deps.inFlight() > 0 && left() > 0) await sleep(50);
      ending.stop.abort();
      await atMost(Math.max(endsWithinMs, left()), 'ending what is under way', Promise.all([ending.chores, ending.results.end()]));
      shift = undefined;
    },
  };
}
