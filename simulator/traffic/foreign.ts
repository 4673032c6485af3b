import { type Clock, sleep } from '../clock.ts';
import type { Scenario } from '../contract.ts';
import type { Declaration } from '../declaration.ts';
import { type Call, hasEnded } from '../vapi/call.ts';
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
  const taken = new Set<Call>();
  const takeMore = () => {
    for (const call of taken) if (hasEnded(call)) taken.delete(call);
    while (taken.size < traffic.lines && !signal.aborted && world.clock.nowMs() < untilMs) {
      const call = takeOne(world, traffic, untilMs);
      if (call === 'over-limit') return;
      taken.add(call);
    }
  };
  takeMore();
  world.exchange.onFreed((subscription) => {
    if (subscription === traffic.subscription) takeMore();
  });
  await sleep(world.clock, untilMs - world.clock.nowMs(), signal);
  // Also when the traffic is ended early.
  for (const call of taken) world.exchange.end(call, 'customer-ended-call', 'Foreign');
}

function takeOne(world: ForeignWorld, traffic: ForeignTraffic, untilMs: number): Call | 'over-limit' {
  const org = world.declaration.orgs.find((each) => each.subscription === traffic.subscription);
  return world.exchange.create(
    {
      subscription: traffic.subscription,
      project: traffic.visible ? org?.project : undefined,
      kind: 'foreign',
      name: 'not of the pool',
    },
    () => [{ atMs: untilMs, status: 'ended', reason: 'customer-ended-call', outcome: 'Foreign' }],
  );
}
