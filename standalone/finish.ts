import { setTimeout as sleep } from 'node:timers/promises';
import { durationMs } from '../crds/values.ts';
import { beginDrainHold, endDrainHold, prolongDrainHold } from '../ledger/drain-hold.ts';
import { countLost, countOpen, summarize } from '../ledger/summary.ts';
import { Interrupted, type Run, showPool } from './run.ts';
import type { Screen } from './screen.ts';
import { type ProviderTruth, type Summary, sumUp } from './summary.ts';

/** Longest that a finishing run waits for its calls. */
const callsEndWithinMs = 60_000;
const lookEveryMs = 250;
const holdForMs = 10_000;

/**
 * Ends a run in order: no new traffic, nothing new admitted (what waits stays queued for the next run), live calls to their end within a bound, workers
 * gone, and then the sum, when nobody changes anything any more.
 * @throws Interrupted when asked to stop at once
 */
export async function finishRun(run: Run, screen: Screen, stopNow: AbortSignal): Promise<Summary> {
  const seconds = (performance.now() - run.startedMs) / 1_000;
  screen.say(`Finishing: nothing new is dialled, live calls end within ${callsEndWithinMs / 1_000} s; Ctrl-C again stops at once`);
  const work = finish(run, seconds, screen, stopNow);
  const interrupted = new Promise<never>((_, reject) => {
    const stop = (): void => reject(new Interrupted('stopped at once: calls that live are picked up by the next run'));
    if (stopNow.aborted) stop();
    stopNow.addEventListener('abort', stop, { once: true });
  });
  // When interrupted, the rest of the work fails against servers that are gone; that is no news.
  work.catch(() => undefined);
  return Promise.race([work, interrupted]);
}

async function finish(run: Run, seconds: number, screen: Screen, stopNow: AbortSignal): Promise<Summary> {
  await run.simulator?.stopTraffic();
  const hold = await beginDrainHold(run.database, run.poolId, holdForMs);
  const keepHold = async (forMs: number): Promise<void> => {
    if (hold !== undefined) await prolongDrainHold(run.database, run.poolId, hold, forMs);
  };
  try {
    const open = await untilCallsEnd(run, screen, stopNow, () => keepHold(holdForMs));
    stopNow.throwIfAborted();
    if (open > 0) screen.say(`${open} calls have not ended within ${callsEndWithinMs / 1_000} s: the next run picks them up`);
    await keepHold(durationMs(run.declaration.manifest.spec.workers.drain.timeout) + holdForMs);
    await run.fleet.drain();
  } finally {
    if (hold !== undefined) await endDrainHold(run.database, run.poolId, hold);
  }
  return sumUp({
    pool: run.declaration.manifest.metadata.name,
    seconds,
    ledger: await summarize(run.database, run.poolId, run.since),
    provider: await providerTruth(run),
    workers: run.fleet.most,
    workerCrashes: run.fleet.crashes(),
  });
}

/** Looks until no call is left or the bound is reached; returns how many are left. */
async function untilCallsEnd(run: Run, screen: Screen, stopNow: AbortSignal, eachLook: () => Promise<void>): Promise<number> {
  for (const startedMs = performance.now(); ; await sleep(lookEveryMs)) {
    const open = await countOpen(run.database, run.poolId);
    if (open === 0 || performance.now() - startedMs > callsEndWithinMs || stopNow.aborted) return open;
    await eachLook();
    await showPool(run, 'finishing', screen);
  }
}

async function providerTruth(run: Run): Promise<ProviderTruth | undefined> {
  if (run.simulator === undefined) return undefined;
  let lost = 0;
  for await (const ids of run.simulator.accepted()) lost += await countLost(run.database, run.poolId, ids);
  return { report: await run.simulator.report(), lost };
}
