import { expect, test } from 'vitest';
import { type Seen, seenOf } from '../../../operator/pool/seen.ts';
import { aPod, aReading, aStanding, read, wallMs, wellPool } from './status/observed.ts';

const well: Seen = { ...wellPool, replicas: 2 };
const room = { maxConnections: 100, inUse: 10, pools: 1 };
const notHeard = read({ standing: aStanding({ workers: [] }) });
const runs = (sinceMs: number) => [aPod('a', { ready: false, runsSinceMs: wallMs - sinceMs })];

test.each<{ what: string; before: Partial<Seen>; after: Partial<Seen>; differs: boolean }>([
  { what: 'the ledger was read again', before: {}, after: { ledger: read({ ageMs: 1_500 }) }, differs: false },
  { what: 'time passes', before: {}, after: { wallMs: wallMs + 3_600_000 }, differs: false },
  {
    what: 'another connection is taken',
    before: { ledger: read({ room }) },
    after: { ledger: read({ room: { ...room, inUse: 20 } }) },
    differs: false,
  },
  {
    what: 'a rollout would find too few connections',
    before: { ledger: read({ room }) },
    after: { ledger: read({ room: { ...room, inUse: 99 } }) },
    differs: true,
  },
  {
    what: 'the ledger has a second pool',
    before: { ledger: read({ room }) },
    after: { ledger: read({ room: { ...room, pools: 2 } }) },
    differs: true,
  },
  {
    what: 'the ledger has a third pool',
    before: { ledger: read({ room: { ...room, pools: 2 } }) },
    after: { ledger: read({ room: { ...room, pools: 3 } }) },
    differs: false,
  },
  { what: 'the dispatcher fell silent', before: {}, after: { ledger: read({ load: aReading({}, 16_000) }) }, differs: true },
  {
    what: 'a pod is not heard of for a minute',
    before: { ledger: notHeard, pods: runs(59_000) },
    after: { ledger: notHeard, pods: runs(61_000) },
    differs: true,
  },
  {
    what: 'the ledger is away',
    before: {},
    after: { ledger: { kind: 'away', how: 'Unreachable', sinceMs: 0, message: 'refused' } },
    differs: true,
  },
])('a pool is looked at when $what: $differs', ({ before, after, differs }) => {
  expect(seenOf({ ...well, ...after }) !== seenOf({ ...well, ...before })).toBe(differs);
});
