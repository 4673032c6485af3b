import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Api } from '../../../operator/runtime/api.ts';
import { processClock } from '../../../operator/runtime/clock.ts';
import { campaign, type Leadership } from '../../../operator/runtime/election.ts';
import { aNamespace, anApi, anApiByWire, isGivenCluster } from './plane.ts';

const namespace = aNamespace();

/** A process that wants to lead; its wall clock may be hours off. */
function aCandidate(api: Api, leaseName: string, identity: string, clockOffMs = 0): Promise<Leadership> {
  const stop = new AbortController();
  onTestFinished(() => stop.abort(new Error('the test is over')));
  const errors: unknown[] = [];
  const won = campaign(
    api,
    {
      namespace: namespace.name(),
      leaseName,
      identity,
      clock: processClock,
      wallClock: () => Date.now() + clockOffMs,
      random: Math.random,
      onError: (error) => errors.push(error),
    },
    stop.signal,
  );
  won.then(
    (leadership) => onTestFinished(() => leadership.release()),
    () => undefined, // whoever awaits it hears of it
  );
  return won;
}

const ended = (signal: AbortSignal) =>
  signal.aborted ? Promise.resolve() : new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

test('of three that begin together exactly one leads, and when it gives the lease back the next one does at once', async () => {
  const candidates = ['a', 'b', 'c'].map((identity) => aCandidate(anApi(), 'together', identity, identity === 'b' ? 3_600_000 : 0));
  const leaders: Leadership[] = [];
  for (const candidate of candidates) candidate.then((leadership) => leaders.push(leadership)).catch(() => undefined);
  await Promise.race(candidates);
  await pause(5_000);
  expect(leaders).toHaveLength(1);

  const releasedMs = performance.now();
  await leaders[0]?.release();
  while (leaders.length < 2 && performance.now() - releasedMs < 10_000) await pause(20);
  const tookMs = performance.now() - releasedMs;
  process.stdout.write(`takeover after a release: ${Math.round(tookMs)} ms\n`);
  expect(leaders).toHaveLength(2);
  expect(leaders[0]?.lost.aborted).toBe(true);
  expect(leaders[1]?.lost.aborted).toBe(false);
  expect(leaders[1]?.term).toBeGreaterThan(leaders[0]?.term ?? 0);
});

test.skipIf(isGivenCluster)('a leader that is cut off has stopped before another takes over, 20 s later at most', async () => {
  const { api, wire } = await anApiByWire();
  const first = await aCandidate(api, 'cut-off', 'a', -3_600_000);
  const next = aCandidate(anApi(), 'cut-off', 'b');
  await pause(3_000);
  const cutMs = performance.now();
  wire.set({ kind: 'black-hole' });
  await ended(first.lost);
  const lostMs = performance.now() - cutMs;
  const second = await next;
  const tookMs = performance.now() - cutMs;
  process.stdout.write(`cut off: given up after ${Math.round(lostMs)} ms, taken over after ${Math.round(tookMs)} ms\n`);
  expect(lostMs).toBeLessThan(11_000);
  expect(tookMs).toBeGreaterThan(lostMs);
  expect(tookMs).toBeLessThan(20_000);
  expect(second.term).toBe(first.term + 1);
});
