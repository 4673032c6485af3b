import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PackingProblem, PackingResult } from '../../capacity/reservations/packing.ts';
import { solvePacking } from '../../capacity/reservations/solve-packing.ts';
import { aClass, anUpstream, aProject, aSubscription } from '../support/pool.ts';

const subscriptions = ['s1', 's2', 's3'];
const upstreams = ['u1', 'u2'];
const projects = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'];
const classes = ['a', 'b', 'c', 'd'];

/** Up to 4 classes × 6 projects × 2 upstreams that cross 3 subscriptions. */
const anyProblem = (most: number): fc.Arbitrary<PackingProblem> => {
  const amount = fc.integer({ min: 0, max: most });
  return fc
    .record({
      projects: fc.array(fc.record({ subscription: fc.constantFrom(...subscriptions), upstreams: fc.subarray(upstreams) }), {
        minLength: 1,
        maxLength: 6,
      }),
      demands: fc.array(fc.record({ slots: amount, projects: fc.subarray(projects) }), { minLength: 1, maxLength: 4 }),
      lines: fc.tuple(amount, amount, amount),
      units: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      free: fc.tuple(amount, amount),
    })
    .map((parts) => {
      const known = parts.projects.map((project, index) => ({
        name: aProject(projects[index] ?? 'p1'),
        subscription: aSubscription(project.subscription),
        upstreams: project.upstreams.map((name) => ({ name: anUpstream(name), units: parts.units[upstreams.indexOf(name)] ?? 1 })),
      }));
      return {
        demands: parts.demands.map((demand, index) => ({
          class: aClass(classes[index] ?? 'a'),
          slots: demand.slots,
          projects: demand.projects.map(aProject).filter((name) => known.some((project) => project.name === name)),
        })),
        projects: known,
        free: {
          subscriptions: new Map(subscriptions.map((name, index) => [aSubscription(name), parts.lines[index] ?? 0])),
          upstreams: new Map(upstreams.map((name, index) => [anUpstream(name), parts.free[index] ?? 0])),
        },
        nodeLimit: 2_000,
      };
    });
};

/** Tries every number of slots at every home. */
function bruteForce({ demands, projects: all, free }: PackingProblem): number {
  const known = new Map<string, number>();
  const place = (demand: number, home: number, left: number, lines: ReadonlyMap<string, number>): number => {
    const wanted = demands[demand];
    if (wanted === undefined) return 0;
    const name = wanted.projects[home];
    const project = all.find((candidate) => candidate.name === name);
    if (project === undefined) return place(demand + 1, 0, demands[demand + 1]?.slots ?? 0, lines);
    const key = [demand, home, left, ...lines.values()].join(' ');
    const before = known.get(key);
    if (before !== undefined) return before;
    let most = place(demand, home + 1, left, lines);
    const taken = new Map(lines);
    for (let slots = 1; slots <= left; slots++) {
      taken.set(project.subscription, (taken.get(project.subscription) ?? 0) - 1);
      for (const { name: upstream, units } of project.upstreams) taken.set(upstream, (taken.get(upstream) ?? 0) - units);
      if ([...taken.values()].some((value) => value < 0)) break;
      most = Math.max(most, slots + place(demand, home + 1, left - slots, taken));
    }
    known.set(key, most);
    return most;
  };
  return place(0, 0, demands[0]?.slots ?? 0, new Map<string, number>([...free.subscriptions, ...free.upstreams]));
}

/** Whether the plan is what it says: whole numbers, where they may be, within every limit. */
function isSound({ demands, projects: all, free }: PackingProblem, { plan, placed }: PackingResult): boolean {
  const used = new Map<string, number>();
  let total = 0;
  for (const [name, homes] of plan) {
    const demand = demands.find((candidate) => candidate.class === name);
    let own = 0;
    for (const [at, slots] of homes) {
      const project = all.find((candidate) => candidate.name === at);
      if (project === undefined || !demand?.projects.includes(at) || !Number.isInteger(slots) || slots < 0) return false;
      used.set(project.subscription, (used.get(project.subscription) ?? 0) + slots);
      for (const { name: upstream, units } of project.upstreams) used.set(upstream, (used.get(upstream) ?? 0) + slots * units);
      own += slots;
    }
    if (own > (demand?.slots ?? 0)) return false;
    total += own;
  }
  return total === placed && [...free.subscriptions, ...free.upstreams].every(([name, limit]) => (used.get(name) ?? 0) <= limit);
}

describe('solvePacking', () => {
  test('places what no single flow could decide: two upstreams crossing two subscriptions', () => {
    // Three lines in pairs that each use two of three limits: by fractions 1.5 slots fit, in whole slots only one.
    const problem: PackingProblem = {
      demands: [{ class: aClass('a'), slots: 3, projects: ['p1', 'p2', 'p3'].map(aProject) }],
      projects: [
        { name: aProject('p1'), subscription: aSubscription('s1'), upstreams: [{ name: anUpstream('u1'), units: 1 }] },
        { name: aProject('p2'), subscription: aSubscription('s1'), upstreams: [{ name: anUpstream('u2'), units: 1 }] },
        {
          name: aProject('p3'),
          subscription: aSubscription('s2'),
          upstreams: ['u1', 'u2'].map((name) => ({ name: anUpstream(name), units: 1 })),
        },
      ],
      free: {
        subscriptions: new Map([
          [aSubscription('s1'), 1],
          [aSubscription('s2'), 5],
        ]),
        upstreams: new Map([
          [anUpstream('u1'), 1],
          [anUpstream('u2'), 1],
        ]),
      },
      nodeLimit: 100,
    };
    expect(solvePacking(problem)).toMatchObject({ placed: 1, proof: 'optimal' });
  });

  test('finds what trying everything finds', () => {
    fc.assert(
      fc.property(anyProblem(5), (problem) => {
        const result = solvePacking(problem);
        expect(result.proof).toBe('optimal');
        expect(isSound(problem, result)).toBe(true);
        expect(result.placed).toBe(bruteForce(problem));
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  test('never gives up on 4 classes × 6 projects × 2 upstreams with a hundred lines each', () => {
    fc.assert(
      fc.property(anyProblem(100), (problem) => {
        const result = solvePacking(problem);
        expect(result.proof).toBe('optimal');
        expect(isSound(problem, result)).toBe(true);
      }),
      { seed: 8, numRuns: 1_500 },
    );
  });

  test('says so when it had to give up', () => {
    const [problem] = fc.sample(
      anyProblem(60).filter((candidate) => solvePacking({ ...candidate, nodeLimit: 0 }).proof === 'node-limit'),
      { seed: 9, numRuns: 1 },
    );
    if (problem === undefined) throw new Error('no problem that needs a search');
    const cutShort = solvePacking({ ...problem, nodeLimit: 0 });
    expect(isSound(problem, cutShort)).toBe(true);
    expect(cutShort.placed).toBeLessThanOrEqual(solvePacking(problem).placed);
  });
});
