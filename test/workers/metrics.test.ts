import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { PoolView } from '../../capacity/view.ts';
import { className, poolName, subscriptionName } from '../../crds/values.ts';
import { createMetrics } from '../../workers/metrics.ts';
import { decide } from '../capacity/scaling/given.ts';

const metric = z.object({ name: z.string(), help: z.string(), type: z.string(), labelNames: z.array(z.string()) });

const view: PoolView = {
  pool: poolName.parse('sales'),
  atMs: 0,
  epoch: 1,
  policyVersion: 1,
  mode: 'Active',
  holds: { pool: false, classes: [] },
  slots: { inUse: 3, ceiling: 9, limit: 10 },
  directions: { Inbound: { inUse: 1, limit: null }, Outbound: { inUse: 2, limit: 5 } },
  subscriptions: [
    {
      name: subscriptionName.parse('main'),
      limit: 10,
      learnedLimit: null,
      ceiling: 9,
      inUse: 3,
      cooling: 0,
      withheld: 1,
      foreign: 0,
      probing: false,
      releaseLagMs: 1_000,
    },
  ],
  upstreams: [],
  projects: [],
  classes: [
    {
      name: className.parse('campaign'),
      priority: 100,
      direction: 'Outbound',
      queued: 42,
      inUse: 2,
      reserved: 0,
      withheld: 0,
      limit: null,
      oldestWaitMs: null,
      waitMs: null,
      leftPerMinute: 60,
      blocked: null,
    },
  ],
  callsPerSecond: 1,
  decisions: [],
};

describe('metrics', () => {
  test('have few labels, none of which tells one session from another', () => {
    const { registry } = createMetrics();
    const labels = new Set(registry.getMetricsAsArray().flatMap((one) => metric.parse(one).labelNames));
    const ofCalls = ['class', 'direction', 'subscription', 'project', 'upstream', 'outcome', 'problem', 'route', 'status', 'kind', 'type'];
    const allowed = [...ofCalls, 'state', 'reason', 'limit'];
    const ofNode = ['version', 'major', 'minor', 'patch', 'space'];
    expect([...labels].filter((label) => ![...allowed, ...ofNode].includes(label))).toEqual([]);
  });

  test('show the view, and nothing of it once it is gone', async () => {
    const metrics = createMetrics();
    metrics.view.show({ view, ageMs: 500 });
    const shown = await metrics.registry.metrics();
    expect(shown).toContain('trunkline_queue_depth{class="campaign"} 42');
    expect(shown).toContain('trunkline_slots_in_use{subscription="main"} 3');
    expect(shown).toContain('trunkline_view_age_seconds 0.5');
    expect(shown).not.toMatch(/^trunkline_oldest_wait_seconds\{/m);
    metrics.view.show(undefined);
    const after = await metrics.registry.metrics();
    expect(after).not.toMatch(/^trunkline_(queue_depth|slots_in_use|view_age_seconds|calls_per_second)[ {]/m);
  });
});

test('the decision on the number of workers is shown as it was taken, and nothing of it without one', async () => {
  const metrics = createMetrics();
  metrics.fleet.show({ decision: decide(2, { backlog: 500 }).decision, ageMs: 1_500, changedAgeMs: 60_000 });
  const shown = await metrics.registry.metrics();
  expect(shown).toContain('trunkline_workers_wanted 7');
  expect(shown).toContain('trunkline_workers{state="serving"} 2');
  expect(shown).toContain('trunkline_workers_decision{reason="Backlog",limit="ProviderCeiling"} 1');
  expect(shown).toContain('trunkline_workers_changed_seconds 60');
  expect(shown).toContain('trunkline_workers_decision_age_seconds 1.5');
  metrics.fleet.show(undefined);
  expect(await metrics.registry.metrics()).not.toMatch(/^trunkline_workers/m);
});
