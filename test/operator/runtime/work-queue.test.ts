import { setImmediate as macrotask } from 'node:timers/promises';
import { test as property } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ApiError } from '../../../operator/runtime/api-error.ts';
import { type NextLook, openWorkQueue } from '../../../operator/runtime/work-queue.ts';
import { virtualClock } from './virtual-time.ts';

const whenAdded: NextLook = { look: 'when-added' };

type Step = { readonly lastsMs: number; readonly ends: NextLook | Error };

/** A queue whose work takes virtual time and ends as told, step by step for each key; past the last step it is done at once. */
function aQueue(steps: Readonly<Record<string, readonly Step[]>>, concurrency = 2) {
  const clock = virtualClock();
  const stop = new AbortController();
  const seen: string[] = [];
  const failed: string[] = [];
  const runs = new Map<string, number>();
  const running = new Set<string>();
  let most = 0;
  const queue = openWorkQueue<string>(
    {
      concurrency,
      clock,
      random: () => 1,
      backoff: { firstMs: 100, longestMs: 1_000 },
      onError: (key, _error, retryInMs) => failed.push(`${key}: again in ${retryInMs}`),
      run: async (key) => {
        expect(running.has(key)).toBe(false);
        running.add(key);
        most = Math.max(most, running.size);
        seen.push(`${key} at ${clock.nowMs()}`);
        const nth = runs.get(key) ?? 0;
        runs.set(key, nth + 1);
        const { lastsMs, ends } = steps[key]?.[nth] ?? { lastsMs: 0, ends: whenAdded };
        if (lastsMs > 0) await new Promise<void>((resolve) => clock.setTimer(lastsMs, resolve));
        running.delete(key);
        if (ends instanceof Error) throw ends;
        return ends;
      },
    },
    stop.signal,
  );
  onTestFinished(() => stop.abort());
  return { queue, clock, seen, failed, stop, most: () => most };
}

const fails: Step = { lastsMs: 0, ends: new Error('no') };
const lasts = (lastsMs: number): Step => ({ lastsMs, ends: whenAdded });

describe('a work queue', () => {
  test('works once on a key that was added many times', async () => {
    const { queue, clock, seen } = aQueue({ busy: [lasts(10)] }, 1);
    for (const key of ['busy', 'a', 'a', 'a']) queue.add(key);
    await clock.advance(1_000);
    expect(seen).toEqual(['busy at 0', 'a at 10']);
  });

  test('works once more on a key that was added while it ran, and never twice at a time', async () => {
    const { queue, clock, seen } = aQueue({ a: [lasts(10)] });
    queue.add('a');
    await clock.advance(5);
    queue.add('a');
    queue.add('a');
    await clock.advance(1_000);
    expect(seen).toEqual(['a at 0', 'a at 10']);
  });

  test('tries a failed key again, later each time, and forgets the failures with a success', async () => {
    const { queue, clock, failed } = aQueue({ a: [fails, fails, lasts(0), fails] });
    queue.add('a');
    await clock.advance(10_000);
    queue.add('a');
    await clock.advance(10_000);
    expect(failed).toEqual(['a: again in 100', 'a: again in 200', 'a: again in 100']);
  });

  test('does not come back before the API server wants to hear of it', async () => {
    const busy = new ApiError('busy', { kind: 'refused', status: 429, reason: 'TooManyRequests', retryAfterMs: 7_000 });
    const { queue, clock, seen } = aQueue({ a: [{ lastsMs: 0, ends: busy }] });
    queue.add('a');
    await clock.advance(6_999);
    expect(seen).toHaveLength(1);
    await clock.advance(1);
    expect(seen).toHaveLength(2);
  });

  test('looks again at the time that the work asks for, or when it is added before', async () => {
    const { queue, clock, seen } = aQueue({ a: [{ lastsMs: 0, ends: { look: 'after', delayMs: 500 } }], b: [fails] });
    queue.add('a');
    queue.add('b');
    await clock.advance(20);
    queue.add('b');
    await clock.advance(10_000);
    expect(seen).toEqual(['a at 0', 'b at 0', 'b at 20', 'a at 500']);
  });

  test('starts nothing after its signal, and ends when the running work has', async () => {
    const { queue, clock, seen, stop } = aQueue({ a: [lasts(10)] }, 1);
    queue.add('a');
    queue.add('b');
    await clock.advance(5);
    stop.abort();
    let ended = false;
    void queue.ended.then(() => {
      ended = true;
    });
    await macrotask();
    expect(ended).toBe(false);
    queue.add('c');
    await clock.advance(1_000);
    expect(ended).toBe(true);
    expect(seen).toEqual(['a at 0']);
    expect(queue.size()).toEqual({ waiting: 0, running: 0, later: 0 });
  });

  const anyStep = fc.record({
    lastsMs: fc.integer({ min: 0, max: 300 }),
    ends: fc.constantFrom<NextLook | Error>(whenAdded, new Error('no'), { look: 'after', delayMs: 50 }),
  });
  const anyKey = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  property.prop([
    fc.dictionary(anyKey, fc.array(anyStep, { maxLength: 5 })),
    fc.array(fc.record({ key: anyKey, afterMs: fc.integer({ min: 0, max: 200 }) }), { maxLength: 25 }),
    fc.integer({ min: 1, max: 3 }),
  ])('looks at every key after it was last added, within its concurrency, and comes to rest', async (steps, adds, concurrency) => {
    const { queue, clock, seen, stop, most } = aQueue(steps, concurrency);
    const lastAdded = new Map<string, number>();
    for (const { key, afterMs } of adds) {
      await clock.advance(afterMs);
      queue.add(key);
      lastAdded.set(key, clock.nowMs());
    }
    await clock.advance(60_000);
    for (const [key, atMs] of lastAdded) {
      const starts = seen.filter((one) => one.startsWith(`${key} `)).map((one) => Number(one.split(' at ')[1]));
      expect(Math.max(...starts)).toBeGreaterThanOrEqual(atMs);
    }
    expect(most()).toBeLessThanOrEqual(concurrency);
    expect(queue.size()).toEqual({ waiting: 0, running: 0, later: 0 });
    stop.abort();
    await queue.ended;
  });
});
