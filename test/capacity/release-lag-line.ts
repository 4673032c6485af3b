import {
  afterDial,
  afterReading,
  initialReleaseLag,
  longestLagMs,
  type ReleaseLag,
  releaseLagMs,
} from '../../capacity/ceiling/release-lag.ts';

/** A saturated subscription, second by second: calls end, the provider holds the line a while, the slot cools, the next call is dialled. */
export type Line = {
  readonly limit: number;
  readonly meanCallMs: number;
  readonly lagMs: (random: () => number) => number;
  readonly limitsInAnswers: boolean;
  /** Lines that others take, from one instant to another. */
  readonly foreign?: { readonly lines: number; readonly fromMs: number; readonly toMs: number };
  /** Learned when absent. */
  readonly coolingMs?: number;
  readonly durationMs: number;
  readonly countFromMs: number;
  readonly seed: number;
};

export type Ran = { readonly refusedShare: number; readonly utilization: number; readonly lagMs: number };

/** A refused slot stands idle until the ceiling has found its way back, as after a real refusal. */
const idleAfterRefusalMs = 2_000;

export function run(line: Line): Ran {
  const random = mulberry(line.seed);
  let lag: ReleaseLag = initialReleaseLag;
  let live = 0;
  let heldUntil: number[] = [];
  let endedAt: number[] = [];
  let dials = 0;
  let refused = 0;
  let liveMs = 0;
  let offeredMs = 0;
  let lastMs = 0;
  const events = new EventQueue();
  for (let slot = 0; slot < line.limit; slot++) events.add(slot * 100, 'dial');
  for (let event = events.next(); event !== undefined && event.atMs < line.durationMs; event = events.next()) {
    const nowMs = event.atMs;
    const counted = Math.max(0, nowMs - Math.max(lastMs, line.countFromMs));
    const others = line.foreign !== undefined && nowMs >= line.foreign.fromMs && nowMs < line.foreign.toMs ? line.foreign.lines : 0;
    liveMs += counted * live;
    offeredMs += counted * (line.limit - others);
    lastMs = nowMs;
    if (event.kind === 'end') {
      live -= 1;
      heldUntil.push(nowMs + line.lagMs(random));
      endedAt.push(nowMs);
      events.add(nowMs + (line.coolingMs ?? releaseLagMs(lag)), 'dial');
      continue;
    }
    heldUntil = heldUntil.filter((untilMs) => untilMs > nowMs);
    endedAt = endedAt.filter((atMs) => atMs > nowMs - longestLagMs);
    const before = live + heldUntil.length + others;
    const taken = before < line.limit;
    if (taken) {
      live += 1;
      events.add(nowMs + callMs(line.meanCallMs, random), 'end');
    } else {
      events.add(nowMs + idleAfterRefusalMs, 'dial');
    }
    if (nowMs >= line.countFromMs) {
      dials += 1;
      if (!taken) refused += 1;
    }
    lag = afterDial(lag, taken ? 'taken' : 'refused');
    if (!line.limitsInAnswers) continue;
    // Foreign calls are known as such after a second, as the ceiling knows them.
    const known = line.foreign !== undefined && nowMs >= line.foreign.fromMs + 1_000 ? others : 0;
    const held = Math.min(line.limit, before + (taken ? 1 : 0)) - live - known;
    lag = afterReading(lag, { heldMin: held, heldMax: held, agesMs: endedAt.map((atMs) => nowMs - atMs) });
  }
  return { refusedShare: refused / dials, utilization: liveMs / offeredMs, lagMs: releaseLagMs(lag) };
}

/** Lognormal around the mean, sigma 0.5. */
function callMs(meanMs: number, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return meanMs * Math.exp(0.5 * normal - 0.125);
}

class EventQueue {
  readonly #events: { readonly atMs: number; readonly kind: 'dial' | 'end' }[] = [];

  add(atMs: number, kind: 'dial' | 'end'): void {
    let index = this.#events.length;
    while (index > 0 && (this.#events[index - 1]?.atMs ?? 0) < atMs) index -= 1;
    this.#events.splice(index, 0, { atMs, kind });
  }

  next(): { readonly atMs: number; readonly kind: 'dial' | 'end' } | undefined {
    return this.#events.pop();
  }
}

function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
