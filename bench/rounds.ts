import { pino } from 'pino';
import { poolName } from '../crds/values.ts';
import { standForElection } from '../ledger/election.ts';
import { admitRound } from '../workers/dispatch/admit.ts';
import { type Desk, note } from '../workers/dispatch/desk.ts';
import { openDesk } from '../workers/dispatch/open-desk.ts';
import { type Bench, type Figure, median, type Setting } from './figure.ts';
import { plainClaims } from './plain-claim.ts';
import { type Limits, ordinary, outboundClasses, type Shape, shapedPool } from './shapes.ts';
import { connect, enqueue, type Stage, setStage } from './stage.ts';
import { endAdmitted } from './stand-in.ts';

type Amount = {
  readonly rounds: number;
  readonly repeats: number;
  readonly batches: readonly number[];
  readonly limits: readonly Limits[];
};
const full: Amount = { rounds: 150, repeats: 3, batches: [1, 10, 50], limits: [1, 3, 6] };
const scales = { full, large: full, tiny: { rounds: 3, repeats: 1, batches: [50], limits: [6] } satisfies Amount };
/** The first rounds plan their statements. */
const warmUpRounds = 10;
const ordinaryBatch = 50;

/** What the dispatcher's own round costs: how many slots come free at once, and how many limits each admission is counted against. */
export const rounds: Bench = async (setting) => {
  const { batches, limits } = scales[setting.scale];
  const byBatch = await inTurns(setting, batches, async (perBatch) => ({
    ours: await roundsOf(setting, { ...ordinary, slots: perBatch }),
    plain: await plainClaims(setting, perBatch * scales[setting.scale].rounds, perBatch),
  }));
  const byLimits = await inTurns(setting, limits, async (count) => ({
    ours: await roundsOf(setting, { ...ordinary, slots: ordinaryBatch, limits: count }),
    plain: undefined,
  }));
  return [
    ...byBatch.map(
      ({ at, ours, plain }): Figure => ({
        name: `admissions, ${at} per batch`,
        definition:
          'sessions admitted per second of the dispatcher’s own rounds, one after the other on one connection, when so many slots come free with each: heads of the queue read, decided on, admitted and the slots before them released in one durable commit. What workers and provider do lies between the rounds and is not counted',
        unit: '/s',
        value: ours,
        goal: undefined,
        anchor:
          plain === undefined
            ? undefined
            : {
                what: 'as many claimed at a time with `for update skip locked`, an attempt row each, no policy and no release',
                value: plain,
              },
        point: { plot: 'Admissions by slots that come free at once', axis: 'per batch', line: 'Trunkline', at: String(at) },
      }),
    ),
    ...byLimits.map(
      ({ at, ours }): Figure => ({
        name: `admissions, ${at} ${at === 1 ? 'limit' : 'nested limits'}`,
        definition: `the same with ${ordinaryBatch} slots free at once, when an admission is counted against the subscription’s limit alone; the pool’s and the class’s too; the direction’s and two upstreams’ as well`,
        unit: '/s',
        value: ours,
        goal: undefined,
        anchor: undefined,
        point: { plot: 'Admissions by nested limits', axis: 'limits', line: 'Trunkline', at: String(at) },
      }),
    ),
  ];
};

type Measured = { readonly ours: number; readonly plain: number | undefined };

/** Every place of the axis in turn, and again: whatever else the machine does meets all of them. The middle one of each counts. */
async function inTurns<T>(
  setting: Setting,
  axis: readonly T[],
  measure: (at: T) => Promise<Measured>,
): Promise<readonly (Measured & { readonly at: T })[]> {
  const measured: readonly { readonly at: T; readonly ours: number[]; readonly plain: number[] }[] = axis.map((at) => ({
    at,
    ours: [],
    plain: [],
  }));
  for (let repeat = 0; repeat < scales[setting.scale].repeats; repeat += 1) {
    for (const place of measured) {
      const { ours, plain } = await measure(place.at);
      place.ours.push(ours);
      if (plain !== undefined) place.plain.push(plain);
    }
  }
  return measured.map(({ at, ours, plain }) => ({ at, ours: median(ours), plain: plain.length === 0 ? undefined : median(plain) }));
}

async function roundsOf(setting: Setting, shape: Shape): Promise<number> {
  const count = scales[setting.scale].rounds;
  await using resources = new AsyncDisposableStack();
  const stage = await setStage(setting, shapedPool(shape), resources);
  const classes = outboundClasses(shape);
  const perClass = Math.ceil(((count + warmUpRounds) * shape.slots) / classes.length) + 1;
  for (const [index, name] of classes.entries()) await enqueue(stage.database, stage.poolId, name, perClass, index * perClass);
  await stage.database.query('vacuum analyze session');
  const desk = await openDispatcher(stage, resources);
  for (let round = 0; round < warmUpRounds; round += 1) await timedRound(stage, desk);
  let spentMs = 0;
  let admitted = 0;
  for (let round = 0; round < count; round += 1) {
    const timed = await timedRound(stage, desk);
    spentMs += timed.ms;
    admitted += timed.admitted;
  }
  if (admitted === 0) throw new Error('the dispatcher admitted nobody');
  return admitted / (spentMs / 1_000);
}

/** The dispatcher's desk, on a connection that is set up as its own. */
async function openDispatcher(stage: Stage, resources: AsyncDisposableStack): Promise<Desk> {
  const connection = await connect(stage.url, 'bench dispatcher');
  resources.defer(() => connection.end());
  await connection.query('set enable_seqscan = off; set jit = off; set plan_cache_mode = force_generic_plan');
  const election = await standForElection(connection, stage.poolId, stage.owner);
  if (!election.elected) throw new Error('the bench was not elected');
  return openDesk({
    connection,
    poolId: stage.poolId,
    pool: poolName.parse('bench'),
    workerId: stage.owner,
    epoch: election.epoch,
    seq: election.seq,
    now: () => performance.now(),
    random: Math.random,
    log: pino({ level: 'silent' }),
  });
}

/** One round; then its calls end, and their slots wait for the next round to release them. */
async function timedRound(stage: Stage, desk: Desk): Promise<{ readonly ms: number; readonly admitted: number }> {
  const startedMs = performance.now();
  await admitRound(desk);
  const ms = performance.now() - startedMs;
  const admitted = [...desk.book.all()];
  await endAdmitted(
    stage.database,
    stage.poolId,
    admitted.map(({ id }) => id),
  );
  for (const attempt of admitted) {
    note(desk, { ...attempt, state: 'ended' });
    desk.released.push(attempt.id);
  }
  return { ms, admitted: admitted.length };
}
