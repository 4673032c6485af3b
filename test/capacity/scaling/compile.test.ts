import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { scalingPolicyOf } from '../../../capacity/scaling/compile.ts';
import { defaultBehavior } from '../../../capacity/scaling/policy.ts';
import { poolManifest } from '../../../crds/pool.ts';
import { poolWith } from '../../crds/pools.ts';
import { aPolicy } from './given.ts';

const policyOf = (changes: Readonly<Record<string, unknown>>) => scalingPolicyOf(poolManifest.parse(parse(poolWith(changes))).spec);

describe('what a pool declares about its workers', () => {
  test('is by default what the recommender was tried with, and a buffer', () => {
    expect(policyOf({})).toEqual(aPolicy({ buffer: { sessions: 5, percent: 10 }, behavior: defaultBehavior }));
  });

  test.each([
    {
      what: 'numbers',
      scaling: { minReplicas: 3, maxReplicas: 9, spareWorkers: 2 },
      is: { minReplicas: 3, maxReplicas: 9, spareWorkers: 2 },
    },
    { what: 'a share', scaling: { slotUtilization: '0.85' }, is: { slotUtilization: 0.85 } },
    {
      what: 'spans',
      scaling: { drainBacklogWithin: '1m30s', dispatchLatency: '400ms' },
      is: { drainBacklogWithinMs: 90_000, dispatchLatencyMs: 400 },
    },
    { what: 'a part of the buffer', scaling: { buffer: { sessions: 0 } }, is: { buffer: { sessions: 0, percent: 10 } } },
    {
      what: 'schedules in minutes of the day, every day unless it says which',
      scaling: {
        schedules: [
          { name: 'day', timezone: 'UTC', days: ['Mon'], start: '08:30', end: '24:00', minReplicas: 4 },
          { name: 'night', timezone: 'UTC', start: '22:00', end: '06:05', maxReplicas: 2 },
        ],
      },
      is: {
        schedules: [
          { name: 'day', timezone: 'UTC', days: ['Mon'], startMinute: 510, endMinute: 1_440, minReplicas: 4, maxReplicas: undefined },
          {
            name: 'night',
            timezone: 'UTC',
            days: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'],
            startMinute: 1_320,
            endMinute: 365,
            minReplicas: undefined,
            maxReplicas: 2,
          },
        ],
      },
    },
    {
      what: 'paces, the most generous or the least',
      scaling: {
        behavior: {
          scaleUp: { policies: [{ type: 'Workers', value: 4, period: '15s' }] },
          scaleDown: { stabilizationWindow: '10s', selectPolicy: 'Min', policies: [{ type: 'Percent', value: 10, period: '1m' }] },
        },
      },
      is: {
        behavior: {
          scaleUp: { stabilizationWindowMs: 0, limit: { kind: 'most', policies: [{ kind: 'workers', value: 4, periodMs: 15_000 }] } },
          scaleDown: {
            stabilizationWindowMs: 10_000,
            limit: { kind: 'least', policies: [{ kind: 'percent', value: 10, periodMs: 60_000 }] },
          },
        },
      },
    },
    {
      what: 'that workers are never taken away',
      scaling: { behavior: { scaleDown: { selectPolicy: 'Disabled' } } },
      is: { behavior: { ...defaultBehavior, scaleDown: { stabilizationWindowMs: 300_000, limit: { kind: 'disabled' } } } },
    },
    {
      what: 'that they are taken away as fast as can be',
      scaling: { behavior: { scaleDown: { stabilizationWindow: '0s', policies: [] } } },
      is: { behavior: { ...defaultBehavior, scaleDown: { stabilizationWindowMs: 0, limit: { kind: 'none' } } } },
    },
  ])('says $what', ({ scaling, is }) => {
    expect(policyOf({ 'spec.scaling': scaling })).toMatchObject(is);
  });

  test('keeps one worker spare where callers come in, and none where none do', () => {
    expect(policyOf({}).spareWorkers).toBe(1);
    const { spec } = poolManifest.parse(parse(poolWith({})));
    expect(scalingPolicyOf({ ...spec, classes: spec.classes.filter(({ direction }) => direction === 'Outbound') }).spareWorkers).toBe(0);
  });
});
