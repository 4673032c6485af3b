import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Snapshot, StepDecision, Waiting } from '../../capacity/admission/snapshot.ts';
import { decideStep } from '../../capacity/admission/step.ts';
import { aPool, aProject, aSubscription, type PoolBuilder, waiting } from '../support/pool.ts';
import { canBePlaced, isAllowed, type Situation, situationOf, withSession } from './judge.ts';

/**
 * Random pools, arrivals, ends and changes of limits, small enough for a judge that tries everything (judge.ts). Whatever happens:
 * I1 and I2 no limit is exceeded by an admission, I3 no reservation becomes less placeable by one, I10 nobody is admitted while somebody of higher
 * priority could have been, and nobody who could be placed is left waiting.
 */

const names = ['a', 'b', 'c', 'd'] as const;
const projectNames = ['p1', 'p2', 'p3', 'p4'] as const;
const small = fc.integer({ min: 0, max: 3 });
const maybe = (max: number) => fc.option(fc.integer({ min: 1, max }), { nil: undefined, freq: 2 });
const some = <T>(values: readonly T[]) => fc.subarray([...values]);

const anyProject = fc.record({ subscription: fc.constantFrom('s1', 's2'), upstreams: some(['u1', 'u2']) });
const anyClass = fc.record({
  priority: fc.constantFrom(1, 2, 3),
  direction: fc.constantFrom('Inbound' as const, 'Outbound' as const, 'Any' as const),
  reserved: small,
  perSubscription: fc.boolean(),
  limit: maybe(5),
  projects: fc.subarray([...projectNames], { minLength: 1 }),
});
const anyPoolParts = fc.record({
  projects: fc.array(anyProject, { minLength: 1, maxLength: 4 }),
  upstreams: fc.record({ u1: fc.integer({ min: 1, max: 8 }), u2: maybe(6), units: fc.constantFrom(1, 2) }),
  ceilings: fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 })),
  limits: fc.record({ total: maybe(9), inbound: maybe(6), outbound: maybe(6) }),
  classes: fc.array(anyClass, { minLength: 1, maxLength: 4 }),
});
type PoolParts = typeof anyPoolParts extends fc.Arbitrary<infer T> ? T : never;

function poolOf(parts: PoolParts): PoolBuilder {
  const { total, inbound, outbound } = parts.limits;
  let pool = aPool()
    .withUpstream('u1', parts.upstreams.u1, { unitsPerSession: parts.upstreams.units })
    .withUpstream('u2', parts.upstreams.u2)
    .withLimits({ ...(total && { total }), ...(inbound && { inbound }), ...(outbound && { outbound }) });
  for (const [index, subscription] of ['s1', 's2'].entries()) {
    const projects = parts.projects.flatMap((project, at) =>
      project.subscription === subscription ? [{ name: projectNames[at] ?? 'p1', upstreams: project.upstreams }] : [],
    );
    pool = pool.withSubscription(subscription, parts.ceilings[index] ?? 0, { projects });
  }
  for (const [index, { perSubscription, reserved, limit, projects, ...traits }] of parts.classes.entries()) {
    const reservation = perSubscription ? { reservedAt: { s1: reserved, s2: 1 } } : { reserved };
    const known = projects.filter((name) => projectNames.indexOf(name) < parts.projects.length);
    pool = pool.withClass(names[index] ?? 'a', { ...traits, ...reservation, projects: known, ...(limit && { limit }) });
  }
  return pool;
}

const anyWaiting = fc.record({
  class: fc.constantFrom(...names),
  direction: fc.constantFrom('Inbound' as const, 'Outbound' as const),
  project: fc.option(fc.constantFrom(...projectNames), { nil: undefined, freq: 3 }),
  holdsLine: fc.boolean(),
});
const anyChange = fc.record({
  arrivals: fc.array(anyWaiting, { maxLength: 7 }),
  ends: fc.array(fc.nat(20), { maxLength: 4 }),
  cooling: fc.array(fc.nat(20), { maxLength: 3 }),
  ceilings: fc.option(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 })), { nil: undefined, freq: 3 }),
  paused: fc.option(
    fc.record({ project: fc.constantFrom(...projectNames), stops: fc.constantFrom('creations' as const, 'everything' as const) }),
    { nil: undefined, freq: 4 },
  ),
});
type Change = typeof anyChange extends fc.Arbitrary<infer T> ? T : never;

type Played = { readonly snapshot: Snapshot; readonly queue: readonly Waiting[]; readonly decision: StepDecision };

/** Runs the changes one after the other on the pool, as a dispatcher would: slots and plan go from step to step. */
function* play(pool: PoolBuilder, projects: number, changes: readonly Change[]): Generator<Played> {
  let active: Snapshot['inUse'] = [];
  let ceilings = pool.snapshot().ceilings;
  let plan: Snapshot['plan'];
  for (const change of changes) {
    active = active
      .map((count, index) => (change.cooling.includes(index) ? { ...count, cooling: 1 } : count))
      .filter((_, index) => !change.ends.includes(index));
    if (change.ceilings !== undefined) ceilings = new Map(change.ceilings.map((limit, index) => [aSubscription(`s${index + 1}`), limit]));
    const queue = change.arrivals.map((arrival, index) => waitingOf(arrival, index, projects));
    const callers = queue.filter(({ holdsLine }) => holdsLine);
    const snapshot = pool.snapshot({
      inUse: active,
      ceilings,
      plan,
      pending: callers.map(({ project }) => ({ project: project ?? aProject('p1'), slots: 1 })),
      pauses: change.paused === undefined ? new Map() : pausing(change.paused),
    });
    const decision = decideStep(snapshot, queue);
    yield { snapshot, queue, decision };
    plan = decision.plan;
    const bySession = new Map(queue.map((session) => [session.id, session]));
    const admitted = decision.admitted.map((one) => ({
      class: one.class,
      direction: bySession.get(one.session)?.direction ?? 'Outbound',
      project: one.project,
      slots: 1,
    }));
    active = [...active, ...admitted];
  }
}

function pausing({ project, stops }: NonNullable<Change['paused']>): Snapshot['pauses'] {
  return new Map([[aProject(project), { until: 'closed', reason: 'failing', stops }]]);
}

function waitingOf(arrival: typeof anyWaiting extends fc.Arbitrary<infer T> ? T : never, index: number, projects: number): Waiting {
  const holdsLine = arrival.holdsLine && arrival.direction === 'Inbound';
  const existing = projectNames.slice(0, projects);
  const pinned = arrival.project !== undefined && existing.includes(arrival.project) ? arrival.project : undefined;
  const project = pinned ?? (holdsLine ? 'p1' : undefined);
  return waiting(arrival.class, { sequence: index, direction: arrival.direction, holdsLine, ...(project && { project }) });
}

/** Follows a decision admission by admission and hands each to the judge. */
function* followed({
  snapshot,
  queue,
  decision,
}: Played): Generator<{ before: Situation; session: Waiting; project: string; left: readonly Waiting[] }> {
  let situation = situationOf(snapshot);
  let left = queue;
  for (const { session: id, project } of decision.admitted) {
    const session = left.find((candidate) => candidate.id === id);
    if (session === undefined) throw new Error(`${id} was not waiting`);
    yield { before: situation, session, project, left };
    situation = withSession(situation, session, project);
    left = left.filter((candidate) => candidate !== session);
  }
}

const priorityOf = (snapshot: Snapshot, session: Waiting): number =>
  snapshot.policy.classes.find(({ name }) => name === session.class)?.priority ?? -1;

const property = fc.tuple(anyPoolParts, fc.array(anyChange, { minLength: 1, maxLength: 5 }));
const settings = { seed: 20_261_122, numRuns: 1_500 };

describe('whatever arrives, ends and changes', () => {
  test('every admission keeps limits (I1, I2) and reservations (I3)', () => {
    fc.assert(
      fc.property(property, ([parts, changes]) => {
        for (const played of play(poolOf(parts), parts.projects.length, changes)) {
          for (const { before, session, project } of followed(played)) {
            expect(isAllowed(before, session, project), `${session.id} → ${project}`).toBe(true);
          }
        }
      }),
      settings,
    );
  });

  test('nobody is admitted while somebody of higher priority could be (I10)', () => {
    fc.assert(
      fc.property(property, ([parts, changes]) => {
        for (const played of play(poolOf(parts), parts.projects.length, changes)) {
          for (const { before, session, left } of followed(played)) {
            const above = left.filter((other) => priorityOf(played.snapshot, other) > priorityOf(played.snapshot, session));
            expect(above.filter((other) => canBePlaced(before, other)).map(({ id }) => id)).toEqual([]);
          }
        }
      }),
      settings,
    );
  });

  test('nobody who could be placed is refused, and nobody for want of proof', () => {
    fc.assert(
      fc.property(property, ([parts, changes]) => {
        for (const played of play(poolOf(parts), parts.projects.length, changes)) {
          let situation = situationOf(played.snapshot);
          for (const step of followed(played)) situation = withSession(step.before, step.session, step.project);
          const refused = new Map(played.decision.refused.map((one) => [one.session, one.why]));
          const left = played.queue.filter(({ id }) => refused.has(id));
          expect(left.length + played.decision.admitted.length).toBe(played.queue.length);
          for (const session of left)
            expect(canBePlaced(situation, session), `${session.id}: ${JSON.stringify(refused.get(session.id))}`).toBe(false);
          for (const why of refused.values()) expect(why).not.toMatchObject({ proof: 'not-proven' });
        }
      }),
      settings,
    );
  });
});

describe('a large pool', () => {
  const amount = (most: number) => fc.integer({ min: 0, max: most });
  const anyLargePool = fc.record({
    projects: fc.array(fc.record({ subscription: fc.constantFrom('s1', 's2'), upstreams: some(['u1', 'u2']) }), {
      minLength: 6,
      maxLength: 6,
    }),
    lines: fc.tuple(amount(100), amount(100)),
    units: fc.tuple(amount(150), amount(150)),
    classes: fc.array(
      fc.record({ reserved: amount(40), active: amount(30), priority: amount(3), projects: some(['p0', 'p1', 'p2', 'p3', 'p4', 'p5']) }),
      { minLength: 4, maxLength: 4 },
    ),
  });

  test('of 4 classes × 6 projects × 2 upstreams refuses nobody for want of proof', () => {
    fc.assert(
      fc.property(anyLargePool, ({ projects, lines, units, classes }) => {
        let pool = aPool()
          .withUpstream('u1', units[0] + 1, { unitsPerSession: 2 })
          .withUpstream('u2', units[1] + 1);
        for (const [index, subscription] of ['s1', 's2'].entries()) {
          const own = projects.flatMap((project, at) => (project.subscription === subscription ? [{ ...project, name: `p${at}` }] : []));
          pool = pool.withSubscription(subscription, lines[index] ?? 0, { projects: own });
        }
        for (const [index, { active: _, ...traits }] of classes.entries()) pool = pool.withClass(`c${index}`, traits);
        for (const [index, { active }] of classes.entries()) pool = pool.withActive({ [`c${index}`]: active }, `p${index}`);
        const queue = classes.flatMap((__, index) => Array.from({ length: 20 }, (___, at) => waiting(`c${index}`, { sequence: at })));
        const { admitted, refused } = decideStep(pool.snapshot(), queue);
        expect(admitted.length + refused.length).toBe(queue.length);
        expect(refused.filter(({ why }) => why.by === 'reservation' && why.proof === 'not-proven')).toEqual([]);
      }),
      { seed: 5, numRuns: 400 },
    );
  });
});
