import { type Clock, sleep } from '../clock.ts';
import type { Scenario } from '../contract.ts';
import { exponential, lognormalSeconds, type Random, seeded } from '../random.ts';
import type { Arrival } from '../vapi/inbound.ts';
import { callerNumber } from './numbers.ts';

export type InboundTraffic = Extract<Scenario['traffic'][number], { kind: 'inbound' }>;

/** The nth caller: how long after the one before, and what kind of person. Spans at speed 1. */
export function callerAt(seed: number, traffic: InboundTraffic, index: number): { readonly gapMs: number; readonly arrival: Arrival } {
  const random: Random = seeded(seed, 'caller', traffic.number, index);
  return {
    gapMs: exponential(random, 60_000 / traffic.perMinute),
    arrival: {
      dialled: traffic.number,
      caller: callerNumber(Math.floor(random() * 2_000_000)),
      lengthMs: lognormalSeconds(random, traffic.length) * 1_000,
      patienceMs: exponential(random, traffic.patienceSeconds) * 1_000,
    },
  };
}

/** Lets callers dial a number, as a Poisson stream, until the signal. Each instant counts from the one before, so that timers' lateness does not add up. */
export async function sendCallers(
  world: {
    readonly seed: number;
    readonly speed: number;
    readonly clock: Clock;
    readonly ring: (arrival: Arrival) => void;
    readonly firstIndex: number;
  },
  traffic: InboundTraffic,
  signal: AbortSignal,
): Promise<void> {
  let dueMs = world.clock.nowMs();
  for (let index = world.firstIndex; ; index += 1) {
    const { gapMs, arrival } = callerAt(world.seed, traffic, index);
    dueMs += gapMs / world.speed;
    if (!(await sleep(world.clock, dueMs - world.clock.nowMs(), signal))) return;
    world.ring(arrival);
  }
}
