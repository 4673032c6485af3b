import { type Clock, sleep } from '../clock.ts';
import type { Scenario } from '../contract.ts';
import type { Declaration } from '../declaration.ts';
import { hasEnded } from '../vapi/call.ts';
import type { Exchange } from '../vapi/exchange.ts';

export type ForeignTraffic = Extract<Scenario['traffic'][number], { kind: 'foreign' }>;

type ForeignWorld = { readonly clock: Clock; readonly exchange: Exchange; readonly declaration: Declaration };

/**
 * Takes lines for calls that are none of the pool's, from one instant to another in real seconds. Where the lines are taken already, it takes each one as
 * soon as it is freed, ahead of everybody.
 */
export async function takeLines(world: ForeignWorld, traffic: ForeignTraffic, signal: AbortSignal): Promise<void> {
  const startMs = world.clock.nowMs();
  if (!(await sleep(world.clock, traffic.fromSeconds * 1_000, signal))) return;
  const untilMs = startMs + traffic.toSeconds * 1_000;
  const held = () =>
    world.exchange.live().filter((call) => call.record.kind === 'foreign' && call.record.subscription === traffic.subscription).length;
  const takeMore = () => {
    if (signal.aborted || world.clock.nowMs() >= untilMs) return;
    for (let missing = traffic.lines - held(); missing > 0; missing -= 1) if (!takeOne(world, traffic, untilMs)) return;
  };
  takeMore();
  world.exchange.onFreed((subscription) => {
    if (subscription === traffic.subscription) takeMore();
  });
  await sleep(world.clock, untilMs - world.clock.nowMs(), signal);
  // Ended early: they leave with the rest of the traffic.
  if (signal.aborted) endAll(world, traffic.subscription);
}

function takeOne(world: ForeignWorld, traffic: ForeignTraffic, untilMs: number): boolean {
  const org = world.declaration.orgs.find((each) => each.subscription === traffic.subscription);
  const call = world.exchange.create(
    { subscription: traffic.subscription, project: traffic.visible ? org?.project : undefined, kind: 'foreign', name: 'not of the pool' },
    () => [{ atMs: untilMs, status: 'ended', reason: 'customer-ended-call', outcome: 'Foreign' }],
  );
  return call !== 'over-limit';
}

function endAll(world: ForeignWorld, subscription: string): void {
  for (const call of world.exchange.live()) {
    if (call.record.kind === 'foreign' && call.record.subscription === subscription && !hasEnded(call)) {
      world.exchange.end(call, 'customer-ended-call', 'Foreign');
    }
  }
}
