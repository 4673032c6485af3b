import { describe, expect, test } from 'vitest';
import { saidIn } from './read-logs.ts';
import { callsOf } from './read-truth.ts';

describe('of the sources of a history', () => {
  test('the provider’s events become calls', () => {
    const call = { id: 'c', subscription: 'main', kind: 'outbound', name: 'tl-x', project: 'sales', controlToken: 'x' } as const;
    const calls = callsOf([
      { event: 'created', atMs: 5, call: { ...call, customer: { number: '+1' } }, steps: [] },
      { event: 'ended', atMs: 9, id: 'c', reason: 'customer-busy', outcome: 'Busy', freeAtMs: 10 },
    ]);
    expect(calls).toEqual([
      {
        id: 'c',
        kind: 'outbound',
        name: 'tl-x',
        number: '+1',
        project: 'sales',
        subscription: 'main',
        createdAtMs: 5,
        endedAtMs: 9,
        outcome: 'Busy',
        reason: 'customer-busy',
      },
    ]);
  });

  test('of a log only evidence counts, whatever stands between', () => {
    const said = saidIn([
      '{"level":30,"worker":"worker-1","part":"dispatcher","epoch":3,"open":0,"msg":"dispatching"}',
      'Error: something crashed',
      '{"level":40,"worker":"worker-1","attempt":"a","reason":"CallGone","msg":"attempt ends with unknown outcome"}',
      '{"level":40,"worker":"worker-2","project":"p","call":"c","attempt":"b","msg":"a call turned up late that was looked up in vain"}',
      '{"level":30,"worker":"worker-2","msg":"serv',
    ]);
    expect(said).toEqual({ epochs: [{ epoch: 3, worker: 'worker-1' }], adopted: new Set(['b']), givenUp: new Set(['a']) });
  });
});
