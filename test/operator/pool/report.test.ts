import { describe, expect, test } from 'vitest';
import type { PoolStatus } from '../../../crds/status.ts';
import { openReporter } from '../../../operator/pool/report.ts';
import type { Api } from '../../../operator/runtime/api.ts';
import { virtualClock } from '../runtime/virtual-time.ts';

/** How often statuses are written, over time that passes at once. */

const never = new AbortController().signal;

function aReporter() {
  const clock = virtualClock();
  const written: { readonly name: string; readonly atMs: number }[] = [];
  let version = 0;
  const api: Api = {
    request: async ({ path }) => {
      version += 1;
      written.push({ name: path.split('/').at(-2) ?? '', atMs: clock.nowMs() });
      return { metadata: { name: 'x', resourceVersion: `${version}` } };
    },
    stream: () => Promise.reject(new Error('nothing is watched here')),
    close: () => undefined,
  };
  const reporter = openReporter(api, clock);
  const pool = (name: string) => ({
    namespace: 'voice',
    name,
    uid: `uid-${name}`,
    generation: 1,
    version,
    deleting: false,
    declared: { accepted: false, problems: [] } as const,
    live: JSON.stringify({ metadata: { name, resourceVersion: '1' } }),
  });
  return { clock, written, report: (name: string, status: PoolStatus) => reporter.report(pool(name), status, never) };
}

const names = (many: number) => Array.from({ length: many }, (_, index) => `pool-${index}`);
const figures = (inUse: number): PoolStatus => ({ observedGeneration: 1, replicas: inUse });
const perSecond = (written: readonly { readonly atMs: number }[], fromMs: number, toMs: number) =>
  written.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).length / ((toMs - fromMs) / 1_000);

describe('statuses', () => {
  test('are written at once when they are new, whatever waits', async () => {
    const { report, written } = aReporter();
    for (const name of names(200)) expect(await report(name, figures(0))).toBeUndefined();
    expect(written).toHaveLength(200);
    expect(await report('pool-7', { ...figures(0), observedGeneration: 2 })).toBeUndefined();
    expect(written.at(-1)).toEqual({ name: 'pool-7', atMs: 0 });
  });

  test('of 600 pools whose figures change without end are written ten times a second in all, each twice a minute at most, and nobody comes in vain', async () => {
    const { clock, report, written } = aReporter();
    let looks = 0;
    const follow = async (name: string): Promise<void> => {
      looks += 1;
      const waitMs = await report(name, figures(looks));
      clock.setTimer(waitMs ?? 2_000, () => void follow(name));
    };
    for (const name of names(600)) await follow(name);
    await clock.advance(180_000);

    expect(perSecond(written, 40_000, 180_000)).toBeCloseTo(10, 0);
    for (const name of names(600)) {
      const times = written.filter((one) => one.name === name).map(({ atMs }) => atMs);
      expect(times.length).toBeGreaterThan(2);
      for (const [index, atMs] of times.slice(1).entries()) expect(atMs - (times[index] ?? 0)).toBeGreaterThanOrEqual(30_000);
    }
    // A look after the write, one when figures may be told again, and one when it is its turn.
    expect(looks).toBeLessThanOrEqual(3 * written.length + 600);
  });

  test('wait for a thousand answers no longer than five seconds', async () => {
    const { clock, report, written } = aReporter();
    await report('pool-0', figures(0));
    await clock.advance(31_000);
    for (const name of names(1_000).slice(1)) await report(name, figures(0));
    const waitMs = await report('pool-0', figures(1));
    expect(waitMs).toBeLessThanOrEqual(5_000);
    await clock.advance(waitMs ?? 0);
    expect(await report('pool-0', figures(1))).toBeUndefined();
    expect(written.at(-1)?.name).toBe('pool-0');
  });
});
