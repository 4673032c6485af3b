import { describe, expect, test } from 'vitest';
import type { PoolStatus } from '../../../crds/status.ts';
import { wordsOf } from '../../../operator/pool/news.ts';

const condition = (type: string, status: 'True' | 'False' | 'Unknown', reason: string): PoolStatus => ({
  conditions: [{ type, status, reason, message: 'why', lastTransitionTime: '2026-01-01T00:00:00Z' }],
});

describe('worth an event is', () => {
  test.each([
    {
      what: 'a condition that turns to trouble',
      before: condition('Accepted', 'True', 'Valid'),
      after: condition('Accepted', 'False', 'InvalidSpec'),
      expected: ['Warning InvalidSpec'],
    },
    {
      what: 'trouble that is there when the pool is first seen',
      before: undefined,
      after: condition('Ready', 'False', 'NotAccepted'),
      expected: ['Warning NotAccepted'],
    },
    {
      what: 'another reason for the same trouble',
      before: condition('Ready', 'False', 'One'),
      after: condition('Ready', 'False', 'Other'),
      expected: ['Warning Other'],
    },
    {
      what: 'trouble that is over',
      before: condition('Ready', 'False', 'One'),
      after: condition('Ready', 'True', 'AllWell'),
      expected: ['Normal AllWell'],
    },
    { what: 'not what is as before', before: condition('Ready', 'False', 'One'), after: condition('Ready', 'False', 'One'), expected: [] },
    { what: 'not a pool that is well from the beginning', before: undefined, after: condition('Ready', 'True', 'AllWell'), expected: [] },
    {
      what: 'a breaker that opens, which is trouble when it holds',
      before: condition('BreakerOpen', 'False', 'Closed'),
      after: condition('BreakerOpen', 'True', 'Open'),
      expected: ['Warning Open'],
    },
    {
      what: 'not what comes and goes with the load',
      before: condition('Saturated', 'False', 'Room'),
      after: condition('Saturated', 'True', 'Full'),
      expected: [],
    },
    {
      what: 'not a station on the way to being ready',
      before: undefined,
      after: condition('WorkersAvailable', 'False', 'Starting'),
      expected: [],
    },
    { what: 'not what the team declared', before: undefined, after: condition('WebhooksReachable', 'False', 'NoPublicUrl'), expected: [] },
    {
      what: 'once what makes the pool unready by another condition',
      before: undefined,
      after: {
        conditions: [
          ...(condition('Ready', 'False', 'ImagePullBackOff').conditions ?? []),
          ...(condition('WorkersAvailable', 'False', 'ImagePullBackOff').conditions ?? []),
        ],
      },
      expected: ['Warning ImagePullBackOff'],
    },
  ])('$what', ({ before, after, expected }) => {
    expect(wordsOf(before, after).map(({ type, reason }) => `${type} ${reason}`)).toEqual(expected);
  });
});
