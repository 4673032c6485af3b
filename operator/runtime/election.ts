import type { Api } from './api.ts';
import { isRefusedWith } from './api-error.ts';
import { type Clock, type Random, sleep } from './clock.ts';
import { fenceOf, isFree, type Lease, type LeaseSpec, microTime, readLease, type Sighting, sight } from './lease.ts';
import { listPath, objectPath } from './resource.ts';

/**
 * One leader among processes, by a Lease. The leader renews every two seconds and has lost after ten seconds without a renewal, counted from before the
 * request that succeeded; others take over fifteen seconds after they saw the last one. So the old one has stopped before the new one starts, without
 * anyone comparing clocks. A process that was frozen notices only when it wakes: what must not happen twice is fenced by `fence`.
 */
export type Leadership = {
  /** Grows with each change of hands while the lease exists. */
  readonly term: number;
  /** Grows with each change of hands, those included that come with another lease of the name. */
  readonly fence: number;
  /** Aborts when the lease is lost. The process should end: whatever it still does, another does too. */
  readonly lost: AbortSignal;
  /** Gives the lease back, so that the next one takes over at its next look. To be called when all work of the leader has ended. */
  readonly release: () => Promise<void>;
};

export type Candidate = {
  readonly namespace: string;
  readonly leaseName: string;
  /** Unique for each process: a restarted one is another. */
  readonly identity: string;
  readonly clock: Clock;
  /** Milliseconds of the day's time, only written for people to read. */
  readonly wallClock: () => number;
  readonly random: Random;
  readonly onError: (error: unknown) => void;
  readonly times?: ElectionTimes;
};

export type ElectionTimes = { readonly durationMs: number; readonly renewWithinMs: number; readonly everyMs: number };

const usualTimes: ElectionTimes = { durationMs: 15_000, renewWithinMs: 10_000, everyMs: 2_000 };
/** A hung request must leave time for others before the deadline. */
const requestTimeoutMs = 3_000;
const maxReleases = 3;

export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
}

/** Waits until this process leads. Rejects only with the signal's reason; failures are told and tried again. */
export async function campaign(api: Api, candidate: Candidate, signal: AbortSignal): Promise<Leadership> {
  const { clock, times = usualTimes } = candidate;
  let sighting: Sighting | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      const lease = await readCurrent(api, candidate, signal);
      if (lease !== undefined) sighting = sight(sighting, lease, clock.nowMs());
      // Held by us without our knowing: the answer to our own taking was lost.
      const isOurs = lease?.holder === candidate.identity;
      if (lease === undefined || isOurs || (sighting !== undefined && isFree(sighting, clock.nowMs()))) {
        const askedMs = clock.nowMs();
        const taken = await take(api, candidate, lease, signal);
        if (taken !== undefined) return lead(api, candidate, taken, askedMs);
      }
    } catch (error) {
      signal.throwIfAborted();
      candidate.onError(error);
    }
    await sleep(clock, spread(times.everyMs, candidate.random), signal);
  }
}

/** Up to a fifth more, so that candidates do not ask in step. */
function spread(everyMs: number, random: Random): number {
  return everyMs * (1 + random() / 5);
}

function pathOf({ namespace, leaseName }: Candidate): string {
  return objectPath({ apiVersion: 'coordination.k8s.io/v1', plural: 'leases' }, namespace, leaseName);
}

async function readCurrent(api: Api, candidate: Candidate, signal: AbortSignal): Promise<Lease | undefined> {
  try {
    return readLease(await api.request({ method: 'GET', path: pathOf(candidate), timeoutMs: requestTimeoutMs }, signal));
  } catch (error) {
    if (isRefusedWith(error, 404)) return undefined;
    throw error;
  }
}

/** Undefined when another was quicker. */
async function take(api: Api, candidate: Candidate, lease: Lease | undefined, signal: AbortSignal): Promise<Lease | undefined> {
  const now = microTime(candidate.wallClock());
  const spec = specOf(candidate, { acquireTime: now, term: (lease?.transitions ?? 0) + 1 });
  try {
    return await write(api, candidate, spec, lease?.resourceVersion, signal);
  } catch (error) {
    if (isRefusedWith(error, 409)) return undefined;
    throw error;
  }
}

function specOf(candidate: Candidate, { acquireTime, term }: { readonly acquireTime: string; readonly term: number }): LeaseSpec {
  return {
    holderIdentity: candidate.identity,
    leaseDurationSeconds: Math.ceil((candidate.times ?? usualTimes).durationMs / 1_000),
    acquireTime,
    renewTime: microTime(candidate.wallClock()),
    leaseTransitions: term,
  };
}

/** Creates the lease, or replaces the version that was read: of two who write at once, one is refused. */
async function write(
  api: Api,
  candidate: Candidate,
  spec: LeaseSpec,
  resourceVersion: string | undefined,
  signal: AbortSignal,
): Promise<Lease> {
  const { namespace, leaseName: name } = candidate;
  const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace, resourceVersion }, spec };
  const creates = resourceVersion === undefined;
  const path = creates ? listPath({ apiVersion: 'coordination.k8s.io/v1', plural: 'leases' }, namespace) : pathOf(candidate);
  return readLease(await api.request({ method: creates ? 'POST' : 'PUT', path, body, timeoutMs: requestTimeoutMs }, signal));
}

function lead(api: Api, candidate: Candidate, taken: Lease, askedMs: number): Leadership {
  const { clock, times = usualTimes, identity } = candidate;
  const term = taken.transitions;
  const acquireTime = taken.acquireTime ?? taken.renewTime;
  const lost = new AbortController();
  const stop = new AbortController();
  let current = taken;
  let disarm = () => {};

  function arm(fromMs: number): void {
    disarm();
    const leftMs = fromMs + times.renewWithinMs - clock.nowMs();
    disarm = clock.setTimer(leftMs, () => lose(`the lease could not be renewed for ${times.renewWithinMs / 1_000} s`));
  }

  function lose(why: string): void {
    disarm();
    lost.abort(new LeadershipLost(why));
    stop.abort();
  }

  /** Replaces the version that is ours. A conflict is read: an answer of ours may have been lost on the way, and then the lease is still ours. */
  async function renew(): Promise<void> {
    const startedMs = clock.nowMs();
    try {
      current = await write(api, candidate, specOf(candidate, { acquireTime, term }), current.resourceVersion, stop.signal);
      arm(startedMs);
    } catch (error) {
      if (!isRefusedWith(error, 409) && !isRefusedWith(error, 404)) throw error;
      const lease = await readCurrent(api, candidate, stop.signal);
      if (lease === undefined) return lose('the lease was deleted');
      if (lease.holder !== identity || lease.transitions !== term) return lose(`the lease is held by ${lease.holder}`);
      current = lease;
    }
  }

  async function keepRenewing(): Promise<void> {
    while (!stop.signal.aborted) {
      await sleep(clock, spread(times.everyMs, candidate.random), stop.signal);
      if (stop.signal.aborted) return;
      try {
        await renew();
      } catch (error) {
        if (!stop.signal.aborted) candidate.onError(error);
      }
    }
  }

  async function release(): Promise<void> {
    disarm();
    stop.abort();
    await renewing;
    if (lost.signal.aborted) return;
    lost.abort(new LeadershipLost('the lease was given back'));
    try {
      // A renewal that was cut off may still be carried out, between reading and writing even: then the version is read again.
      for (let tries = 0; tries < maxReleases && !(await giveBack()); tries++);
    } catch (error) {
      candidate.onError(error); // it expires by itself
    }
  }

  /** Whether it is not ours any more. */
  async function giveBack(): Promise<boolean> {
    const never = new AbortController().signal;
    const lease = await readCurrent(api, candidate, never);
    if (lease?.holder !== identity || lease.transitions !== term) return true;
    const spec = { ...specOf(candidate, { acquireTime, term }), holderIdentity: '', leaseDurationSeconds: 1 };
    try {
      await write(api, candidate, spec, lease.resourceVersion, never);
      return true;
    } catch (error) {
      if (isRefusedWith(error, 409)) return false;
      throw error;
    }
  }

  arm(askedMs);
  const renewing = keepRenewing();
  return { term, fence: fenceOf(taken), lost: lost.signal, release };
}
