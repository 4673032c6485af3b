import type { Waiting } from '../../capacity/admission/snapshot.ts';
import { fetchWaiting, type Head, type Lane } from '../../ledger/dispatch/fetch-waiting.ts';
import { candidatesOf } from './candidates.ts';
import type { Desk } from './desk.ts';

/** How deep a lane is looked into: at least, and how much deeper when that was not enough. */
const least = 4;
const deeper = 4;

/** What was fetched of the queue, and what was decided on it. */
export type Decided<Decision> = {
  readonly fetched: readonly Head[];
  readonly waiting: readonly Waiting[];
  readonly parked: readonly { readonly id: string; readonly forMs: number }[];
  readonly decision: Decision;
  /** Whether a lane may hold more that could be admitted in the same step. */
  readonly more: boolean;
};

type Outcome = { readonly admitted: readonly { readonly session: string }[] };

/**
 * Fetches the heads of the queue and decides on them. A lane is looked into as deep as it was of use the last time, which for most lanes is hardly at
 * all, however many there are; as long as all that was fetched of a lane would be admitted, it is looked into deeper and decided anew, so that nobody
 * behind them loses a slot to a lower class (I10). Deciding is pure: only the last decision is acted upon.
 */
export async function decideOnHeads<Decision extends Outcome>(
  desk: Desk,
  lanes: readonly Lane[],
  most: number,
  decide: (waiting: readonly Waiting[]) => Decision,
): Promise<Decided<Decision>> {
  const limit = Math.max(least, most);
  const depths = new Map(lanes.map((lane) => [keyOf(lane), Math.min(limit, desk.laneDepths.get(keyOf(lane)) ?? least)]));
  const byKey = new Map<string, readonly Head[]>();
  let wanted = lanes;
  for (;;) {
    const heads = await fetchWaiting(
      desk.connection,
      desk.poolId,
      wanted.map((lane) => ({ ...lane, depth: depths.get(keyOf(lane)) ?? least })),
    );
    const byLane = Map.groupBy(heads, laneOf);
    for (const lane of wanted) byKey.set(keyOf(lane), byLane.get(keyOf(lane)) ?? []);
    const all = [...byKey.values()].flat();
    const { waiting, parked } = candidatesOf(all, desk.policy);
    const decision = decide(waiting);
    const settled = new Set([...decision.admitted.map(({ session }) => session), ...parked.map(({ id }) => id)]);
    const usedUp = lanes.filter((lane) => {
      const own = byKey.get(keyOf(lane)) ?? [];
      return own.length >= (depths.get(keyOf(lane)) ?? least) && own.every(({ id }) => settled.has(id));
    });
    wanted = usedUp.filter((lane) => (depths.get(keyOf(lane)) ?? least) < limit);
    if (wanted.length === 0) {
      remember(desk, lanes, byKey, settled);
      return { fetched: all, waiting, parked, decision, more: usedUp.length > 0 };
    }
    for (const lane of wanted) depths.set(keyOf(lane), Math.min(limit, (depths.get(keyOf(lane)) ?? least) * deeper));
  }
}

/** Twice what was of use now, so that a lane which gets more and more is fetched once a step. */
function remember(desk: Desk, lanes: readonly Lane[], fetched: ReadonlyMap<string, readonly Head[]>, settled: ReadonlySet<string>): void {
  desk.laneDepths.clear();
  for (const lane of lanes) {
    const used = (fetched.get(keyOf(lane)) ?? []).filter(({ id }) => settled.has(id)).length;
    desk.laneDepths.set(keyOf(lane), Math.max(least, used * 2));
  }
}

const keyOf = ({ class: name, project }: Lane): string => `${name}/${project}`;
const laneOf = ({ class: name, project }: Head): string => `${name}/${project ?? ''}`;
