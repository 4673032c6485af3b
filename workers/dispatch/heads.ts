import { afterLook, firstDepth } from '../../capacity/admission/depth.ts';
import type { Waiting } from '../../capacity/admission/snapshot.ts';
import { fetchWaiting, type Head, type Lane } from '../../ledger/dispatch/fetch-waiting.ts';
import { candidatesOf } from './candidates.ts';
import type { Desk } from './desk.ts';

/** What was fetched of the queue, and what was decided on it. */
export type Decided<Decision> = {
  readonly fetched: readonly Head[];
  readonly waiting: readonly Waiting[];
  readonly parked: readonly { readonly id: string; readonly forMs: number }[];
  readonly decision: Decision;
  /** Whether a lane may hold more that could be admitted in another step. */
  readonly more: boolean;
};

type Outcome = { readonly admitted: readonly { readonly session: string }[] };

/** A lane as far as it was looked into. */
export type Looked = { readonly lane: Lane; depth: number; heads: readonly Head[] };

/** The first look into lanes. `room`: how many may start at the most, if that is known. */
export async function firstLook(desk: Desk, lanes: readonly Lane[], room = Number.POSITIVE_INFINITY): Promise<readonly Looked[]> {
  const depthOf = (lane: Lane) => firstDepth({ usedBefore: desk.laneUse.get(keyOf(lane)) ?? 0, room, lanes: lanes.length });
  const looked = lanes.map((lane): Looked => ({ lane, depth: depthOf(lane), heads: [] }));
  await look(desk, looked);
  return looked;
}

/**
 * Decides on the heads of the queue, as far as they were looked at; lanes that were not looked into deep enough are fetched deeper, and all of it is
 * decided anew. Deciding is pure: only the last decision is acted upon.
 */
export async function decideOnHeads<Decision extends Outcome>(
  desk: Desk,
  looked: readonly Looked[],
  room: number,
  decide: (waiting: readonly Waiting[]) => Decision,
): Promise<Decided<Decision>> {
  for (;;) {
    const fetched = looked.flatMap(({ heads }) => heads);
    const { waiting, parked } = candidatesOf(fetched, desk.policy);
    const decision = decide(waiting);
    const settled = new Set([...decision.admitted.map(({ session }) => session), ...parked.map(({ id }) => id)]);
    const usedOf = ({ heads }: Looked) => heads.filter(({ id }) => settled.has(id)).length;
    const deeper: Looked[] = [];
    let more = false;
    for (const one of looked) {
      const verdict = afterLook({ depth: one.depth, found: one.heads.length, used: usedOf(one) }, room);
      if (verdict.kind === 'more') more = true;
      if (verdict.kind !== 'deeper') continue;
      one.depth = verdict.depth;
      deeper.push(one);
    }
    if (deeper.length === 0) {
      desk.laneUse = new Map(looked.map((one) => [keyOf(one.lane), usedOf(one)]));
      return { fetched, waiting, parked, decision, more };
    }
    await look(desk, deeper);
  }
}

async function look({ connection, poolId }: Desk, wanted: readonly Looked[]): Promise<void> {
  if (wanted.length === 0) return;
  const heads = await fetchWaiting(
    connection,
    poolId,
    wanted.map(({ lane, depth }) => ({ ...lane, depth })),
  );
  const byLane = Map.groupBy(heads, ({ class: name, project }) => keyOf({ class: name, project: project ?? '' }));
  for (const one of wanted) one.heads = byLane.get(keyOf(one.lane)) ?? [];
}

const keyOf = ({ class: name, project }: Lane): string => `${name}/${project}`;
