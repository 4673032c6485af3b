import { describe, expect, test } from 'vitest';
import type { PoolView } from '../../capacity/view.ts';
import { className, poolName, projectName, subscriptionName } from '../../crds/values.ts';
import { type Frame, frameLine, frameLines } from '../../standalone/live-view.ts';

const campaign = className.parse('campaign');
const vip = className.parse('vip');

const view: PoolView = {
  pool: poolName.parse('trial'),
  atMs: 1_000_000,
  epoch: 1,
  policyVersion: 1,
  mode: 'Active',
  holds: { pool: false, classes: [] },
  slots: { inUse: 48, ceiling: 55, limit: 60 },
  directions: { Inbound: { inUse: 9, limit: null }, Outbound: { inUse: 39, limit: null } },
  subscriptions: [
    {
      name: subscriptionName.parse('main'),
      limit: 40,
      learnedLimit: null,
      ceiling: 36,
      inUse: 36,
      cooling: 8,
      withheld: 1,
      foreign: 2,
      probing: true,
      releaseLagMs: 100,
    },
  ],
  upstreams: [],
  projects: [
    { name: projectName.parse('main-front'), subscription: subscriptionName.parse('main'), inUse: 9, paused: null },
    { name: projectName.parse('main-sales'), subscription: subscriptionName.parse('main'), inUse: 9, paused: 'its key is refused' },
  ],
  classes: [
    {
      name: vip,
      priority: 1_000,
      direction: 'Inbound',
      queued: 0,
      inUse: 9,
      reserved: 15,
      withheld: 6,
      limit: null,
      oldestWaitMs: null,
      waitMs: { p50: 15, p95: 100, p99: 205 },
      leftPerMinute: 60,
      blocked: null,
    },
    {
      name: campaign,
      priority: 100,
      direction: 'Outbound',
      queued: 4_882,
      inUse: 39,
      reserved: 0,
      withheld: 0,
      limit: null,
      oldestWaitMs: 5_000,
      waitMs: { p50: 5_000, p95: 9_000, p99: 75_000 },
      leftPerMinute: 600,
      blocked: { by: 'reservation', heldFor: [vip], withheld: 6, proof: 'unplaceable' },
    },
  ],
  callsPerSecond: 8,
  decisions: Array.from({ length: 20 }, (_, index) => ({
    atMs: 1_000_000 - index * 100,
    seq: index,
    class: campaign,
    session: '019b0f00-0000-7000-8000-000000abcdef',
    project: index === 0 ? projectName.parse('main-sales') : null,
    why: index === 0 ? null : { by: 'rate', limiter: 'subscription/main', retryAtMs: 5 },
  })),
};

function frame(changes: Partial<Frame> = {}): Frame {
  return {
    pool: 'trial',
    phase: 'running',
    elapsedMs: 65_000,
    workers: { serving: 2, size: 2, crashes: 0 },
    seen: { view, ageMs: 100 },
    trouble: undefined,
    ...changes,
  };
}

describe('the live view', () => {
  test('shows slots, queue, waits, what is in the way, and what was decided', () => {
    const text = frameLines(frame(), { columns: 80, rows: 40 }).join('\n');
    for (const part of [
      'trial  running 01:05  2/2 workers',
      'slots 48 of 55 usable (60 declared)  8 calls/s',
      '36/36  8 cooling, 1 kept, 2 foreign, probing',
      'main-sales paused: its key is refused',
      '4882 queued wait 5.0 s/1 min',
      'waits: 6 slots kept free for vip',
      'campaign       abcdef → main-sales',
      'abcdef waits: calls per second of subscription/main',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain('main-front paused');
  });

  test.each([
    [80, 24],
    [80, 10],
    [40, 24],
    [20, 5],
    [200, 60],
    [1, 1],
  ])('fits a terminal of %i × %i', (columns, rows) => {
    const lines = frameLines(frame(), { columns, rows });
    expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
    for (const line of lines) expect(line.length).toBeLessThan(Math.max(20, columns));
  });

  test('says so when no dispatcher is at work', () => {
    const seen = { view, ageMs: 7_000 };
    expect(frameLines(frame({ seen }), { columns: 80, rows: 24 }).join('\n')).toContain('no dispatcher for 7 s');
    expect(frameLine(frame({ seen }))).toContain('no dispatcher for 7 s');
    expect(frameLine(frame({ seen: undefined }))).toBe('01:05 no dispatcher has spoken yet');
  });

  test('says what is wrong instead of showing old figures', () => {
    const trouble = 'the ledger does not answer: connection refused';
    expect(frameLines(frame({ seen: undefined, trouble }), { columns: 80, rows: 24 })).toEqual([
      'trial  running 01:05  2/2 workers',
      trouble,
    ]);
    expect(frameLine(frame({ seen: undefined, trouble }))).toBe(`01:05 ${trouble}`);
  });

  test('says when the pool or a class is on hold', () => {
    const held = { ...view, holds: { pool: false, classes: [campaign] } };
    expect(frameLines(frame({ seen: { view: held, ageMs: 0 } }), { columns: 80, rows: 24 }).join('\n')).toContain('on hold: campaign');
    const all = { ...view, holds: { pool: true, classes: [] } };
    expect(frameLines(frame({ seen: { view: all, ageMs: 0 } }), { columns: 80, rows: 24 }).join('\n')).toContain('ON HOLD');
  });

  test('is one line for a log, with what differs from normal', () => {
    expect(frameLine(frame())).toBe(
      '01:05 slots 48/55 · 8 calls/s · vip 9 live 0 queued wait 15 ms/205 ms · campaign 39 live 4882 queued wait 5.0 s/1 min',
    );
    expect(frameLine(frame({ workers: { serving: 1, size: 2, crashes: 1 } }))).toMatch(/· 1\/2 workers$/);
  });
});
