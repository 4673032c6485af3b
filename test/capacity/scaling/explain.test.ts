import { describe, expect, test } from 'vitest';
import { limitedBy } from '../../../capacity/scaling/decision.ts';
import { describeDecision, explainWorkers, lastDecisionOf } from '../../../capacity/scaling/explain.ts';
import { poolStatus } from '../../../crds/status.ts';
import { aPolicy, decide, type Seen, startMs } from './given.ts';

describe('why there are so many workers', () => {
  test.each<{ readonly name: string; readonly replicas: number; readonly seen: Seen; readonly lines: readonly string[] }>([
    {
      name: 'a backlog beyond what the lines can use',
      replicas: 2,
      seen: { slotsInUse: 50, backlog: 500 },
      lines: [
        '7 workers wanted, 2 before.',
        '2 serving.',
        'The backlog asks for 32 workers: 50 slots in use and 500 to start the waiting sessions within 30 s, at 17.5 sessions a worker.',
        '32 → 7: 6 can use the 98 lines that there are now, and 1 is spare (ProviderCeiling).',
        'Demand was twice what there is within the last minute: it is judged by seconds, and no worker is taken away.',
      ],
    },
    {
      name: 'slots in use',
      replicas: 3,
      seen: { slotsInUse: 36, workers: { serving: 2, starting: 1 } },
      lines: [
        '3 workers wanted, as before.',
        '2 serving, 1 starting.',
        'Slots in use ask for 3 workers: 36 slots in use and 0 kept ready (a fixed number), at 17.5 sessions a worker.',
      ],
    },
    {
      name: 'a quiet pool',
      replicas: 6,
      seen: { workers: { draining: 1 } },
      lines: [
        '6 workers wanted, as before.',
        '6 serving, 1 draining.',
        'Slots in use ask for 0 workers: 0 slots in use and 0 kept ready (a fixed number), at 17.5 sessions a worker.',
        '0 → 6: so many were needed within the last 300 s.',
      ],
    },
    {
      name: 'signals that are missing',
      replicas: 6,
      seen: { slotsInUse: { value: 12, ageMs: 60_000 }, backlog: 'missing' },
      lines: [
        '6 workers wanted, as before.',
        '6 serving.',
        'Nothing is known that would change 6 workers: slots in use (too old), the backlog (missing).',
      ],
    },
    {
      name: 'slow workers',
      replicas: 2,
      seen: { slotsInUse: 35, workerLatencyMs: 412.4 },
      lines: [
        '3 workers wanted, 2 before.',
        '2 serving.',
        "The workers' latency asks for 3 workers: it is 412 ms at p95, and 250 ms is the aim.",
      ],
    },
  ])('is told in lines: $name', ({ replicas, seen, lines }) => {
    expect(explainWorkers(decide(replicas, seen).decision)).toEqual(lines);
  });

  test('is told in a sentence with what limits it', () => {
    expect(describeDecision(decide(2, { slotsInUse: 50, backlog: 500 }).decision)).toBe(
      '7 workers wanted, 2 before. The backlog asks for 32 workers: 50 slots in use and 500 to start the waiting sessions within 30 s, at 17.5 sessions a worker. 32 → 7: 6 can use the 98 lines that there are now, and 1 is spare (ProviderCeiling).',
    );
  });

  test('is told in a sentence with what keeps more than is asked for', () => {
    expect(describeDecision(decide(6, {}).decision)).toMatch(/ 0 → 6: so many were needed within the last 300 s\.$/);
  });

  test('is kept in the status, with the word of what limits it', () => {
    const { decision } = decide(2, { slotsInUse: 50, backlog: 500 });
    const lastDecision = lastDecisionOf(decision, startMs);
    expect(lastDecision).toEqual({
      time: '2026-11-23T07:00:00.000Z',
      replicas: 7,
      reason: 'Backlog',
      limitedBy: 'ProviderCeiling',
      message: describeDecision(decision),
    });
  });

  test.each<Seen>([
    { backlog: 500 },
    {},
    { slotsInUse: 'missing' },
    { workerLatencyMs: 900 },
    { slotsInUse: 'missing', backlog: 'missing' },
  ])('is a status that the schema takes: %j', (seen) => {
    const { decision } = decide(6, seen);
    expect(poolStatus.safeParse({ lastDecision: lastDecisionOf(decision, startMs) }).success).toBe(true);
    for (const { by } of decision.clamps) expect(by).toMatch(/^[A-Z][A-Za-z0-9]{0,63}$/);
  });

  test('stays short with everything wrong at once', () => {
    const schedule = {
      name: 'x'.repeat(63),
      timezone: 'UTC',
      days: ['Mon'] as const,
      startMinute: 0,
      endMinute: 1440,
      minReplicas: 3,
      maxReplicas: 4,
    };
    const policy = aPolicy({ handler: 'stateful', schedules: [schedule] });
    const all = ['slotsInUse', 'backlog', 'oldestWaitMs', 'workerLatencyMs', 'arrivalsPerSecond', 'busyWorkers', 'ceiling'] as const;
    const blind = Object.fromEntries(all.map((name) => [name, 'missing' as const]));
    const { decision } = decide(9, { ...blind, workers: { draining: 3 } }, policy, startMs);
    expect(decision.clamps.map(({ by }) => by)).toEqual(['ScheduleCap', 'BusyWorkers']);
    expect(describeDecision(decision).length).toBeLessThanOrEqual(1_024);
    expect(limitedBy(decision)).toBeUndefined();
  });
});
