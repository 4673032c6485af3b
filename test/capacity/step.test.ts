import { describe, expect, test } from 'vitest';
import type { Blocked, Snapshot, StepDecision } from '../../capacity/admission/snapshot.ts';
import { decideStep } from '../../capacity/admission/step.ts';
import { aClass, anUpstream, aPool, aProject, aSubscription, nowMs, type PoolBuilder, waiting, waitingSessions } from '../support/pool.ts';

/** The names of the projects that sessions went to, in order. */
const projectsOf = ({ admitted }: StepDecision): readonly string[] => admitted.map(({ project }) => project);
const countOf = ({ admitted }: StepDecision, name: string): number => admitted.filter((one) => one.class === name).length;
const firstRefusal = ({ refused }: StepDecision): Blocked | undefined => refused[0]?.why;

const reservedPool = (): PoolBuilder =>
  aPool().withSubscription('main', 10).withClass('vip', { priority: 1000, reserved: 3 }).withClass('campaign');

describe('limits', () => {
  const pool = aPool().withSubscription('main', 4, { projects: [{ name: 'main', upstreams: ['trunk'] }] });

  test.each<{ name: string; in: PoolBuilder; blocked: Partial<Blocked> }>([
    { name: 'mode Hold', in: pool.withUpstream('trunk', 9).withClass('campaign').inMode('Hold'), blocked: { by: 'mode', mode: 'Hold' } },
    { name: 'mode Observe', in: pool.withClass('campaign').inMode('Observe'), blocked: { by: 'mode', mode: 'Observe' } },
    { name: 'a held pool', in: pool.withClass('campaign').held({ pool: true }), blocked: { by: 'hold', scope: 'pool' } },
    { name: 'a held class', in: pool.withClass('campaign').held({ classes: ['campaign'] }), blocked: { by: 'hold', scope: 'class' } },
    {
      name: 'the pool budget',
      in: pool.withClass('campaign').withLimits({ total: 3 }).withActive({ campaign: 3 }),
      blocked: { by: 'pool', limit: 3 },
    },
    {
      name: 'the direction',
      in: pool.withClass('campaign').withLimits({ outbound: 2 }).withActive({ campaign: 2 }),
      blocked: { by: 'direction', direction: 'Outbound', limit: 2 },
    },
    { name: 'the class', in: pool.withClass('campaign', { limit: 1 }).withActive({ campaign: 1 }), blocked: { by: 'class', limit: 1 } },
    { name: 'a paused project', in: pool.withClass('campaign').withPause('main'), blocked: { by: 'project', reason: 'failing calls' } },
    { name: 'the ceiling', in: pool.withClass('campaign').withActive({ campaign: 4 }), blocked: { by: 'subscription', ceiling: 4 } },
    {
      name: 'an unknown ceiling (I9)',
      in: pool.withClass('campaign').withCeiling('main', undefined),
      blocked: { by: 'subscription', ceiling: 0 },
    },
    {
      name: 'an upstream',
      in: pool.withUpstream('trunk', 5, { unitsPerSession: 2 }).withClass('campaign').withActive({ campaign: 2 }),
      blocked: { by: 'upstream', limit: 5 },
    },
    {
      name: 'a class that nothing declares',
      in: pool.withClass('other'),
      blocked: { by: 'project', reason: 'class campaign is no longer declared' },
    },
  ])('$name refuses and says so', ({ in: full, blocked }) => {
    const decision = decideStep(full.snapshot(), [waiting('campaign')]);
    expect(decision.admitted).toEqual([]);
    expect(firstRefusal(decision)).toMatchObject(blocked);
  });

  test('channels in calls of others are not given out again', () => {
    const full = pool.withUpstream('trunk', 5, { unitsPerSession: 2 }).withClass('campaign').withActive({ campaign: 1 });
    const foreignChannels = new Map([[anUpstream('trunk'), 1]]);
    expect(decideStep(full.snapshot(), [waiting('campaign')]).admitted).toHaveLength(1);
    expect(firstRefusal(decideStep(full.snapshot({ foreignChannels }), [waiting('campaign')]))).toMatchObject({ by: 'upstream', limit: 5 });
  });

  test('a lowered ceiling admits nothing until it has drained', () => {
    const overfull = pool.withClass('campaign').withActive({ campaign: 4 }).withCeiling('main', 2);
    expect(firstRefusal(decideStep(overfull.snapshot(), [waiting('campaign')]))).toEqual({
      by: 'subscription',
      subscription: 'main',
      ceiling: 2,
    });
  });

  test('sessions that cannot be placed block nobody', () => {
    const two = aPool()
      .withSubscription('west', 1)
      .withSubscription('east', 1)
      .withClass('vip', { priority: 1000, projects: ['west'] });
    const decision = decideStep(two.withClass('campaign').snapshot(), [...waitingSessions('vip', 2), ...waitingSessions('campaign', 2)]);
    expect(projectsOf(decision)).toEqual(['west', 'east']);
  });
});

describe('reservations', () => {
  test('are withheld from others: seven of ten are admitted beside a reserve of three', () => {
    const decision = decideStep(reservedPool().snapshot(), waitingSessions('campaign', 9));
    expect(countOf(decision, 'campaign')).toBe(7);
    expect(firstRefusal(decision)).toEqual({ by: 'reservation', heldFor: ['vip'], withheld: 3, proof: 'unplaceable' });
  });

  test('admit their own class to the last slot', () => {
    const decision = decideStep(reservedPool().withActive({ campaign: 7, vip: 2 }).snapshot(), waitingSessions('vip', 2));
    expect(countOf(decision, 'vip')).toBe(1);
  });

  test('move to where their class may run', () => {
    const pool = aPool().withSubscription('north', 2).withSubscription('south', 3).withClass('vip', { priority: 1000, reserved: 2 });
    const decision = decideStep(pool.withClass('campaign', { projects: ['north'] }).snapshot(), waitingSessions('campaign', 2));
    expect(projectsOf(decision)).toEqual(['north', 'north']);
    expect(decision.plan).toEqual(new Map([['vip', new Map([['south', 2]])]]));
  });

  test('hold per subscription when they are given so', () => {
    const pool = aPool()
      .withSubscription('north', 3)
      .withSubscription('south', 9)
      .withClass('vip', { priority: 1000, reservedAt: { north: 2 } });
    const decision = decideStep(pool.withClass('campaign', { projects: ['north'] }).snapshot(), waitingSessions('campaign', 3));
    expect(countOf(decision, 'campaign')).toBe(1);
  });

  test('are kept from the pool budget and the direction as well', () => {
    const roomy = aPool()
      .withSubscription('main', 100)
      .withClass('vip', { direction: 'Any', priority: 1000, reserved: 3 })
      .withClass('campaign');
    expect(decideStep(roomy.withLimits({ total: 5 }).snapshot(), waitingSessions('campaign', 9)).admitted).toHaveLength(2);
    expect(decideStep(roomy.withLimits({ outbound: 5 }).snapshot(), waitingSessions('campaign', 9)).admitted).toHaveLength(2);
  });

  test('a shortfall after a fallen ceiling is not made larger, but the class itself still gets in', () => {
    const short = reservedPool().withActive({ campaign: 7 }).withCeiling('main', 9);
    const decision = decideStep(short.snapshot(), [...waitingSessions('campaign', 1), ...waitingSessions('vip', 3)]);
    expect(decision.admitted.map((one) => one.class)).toEqual(['vip', 'vip']);
  });

  test('leave a paused project while there is another', () => {
    const pool = aPool().withSubscription('north', 2).withSubscription('south', 2).withClass('vip', { priority: 1000, reserved: 2 });
    const decision = decideStep(pool.withClass('campaign').withPause('north').snapshot(), waitingSessions('campaign', 1));
    expect(firstRefusal(decision)).toMatchObject({ by: 'reservation', heldFor: ['vip'] });
  });
});

describe('callers inside assistant-request', () => {
  const pool = (pending: number): PoolBuilder =>
    aPool()
      .withSubscription('main', 4)
      .withClass('vip', { priority: 1000, direction: 'Inbound', reserved: 2 })
      .withClass('info', { direction: 'Inbound' })
      .withPending('main', pending);
  const lineAt = { subscription: aSubscription('main'), upstreams: [] };
  const caller = (name: string, sequence = 1) =>
    waiting(name, { direction: 'Inbound', holdsLine: true, lineAt, project: 'main', sequence });

  test('need no further line than the one they hold', () => {
    const full = pool(1).withActive({ info: 1, vip: 2 });
    expect(decideStep(full.snapshot(), [caller('info')]).admitted).toHaveLength(1);
  });

  test('are judged by the line that they hold, wherever a policy has led their project since', () => {
    const led = (on: string, upstreams: readonly string[]) => ({
      ...caller('info'),
      lineAt: { subscription: aSubscription(on), upstreams: upstreams.map(anUpstream) },
    });
    const moved = aPool()
      .withUpstream('trunk', 1)
      .withUpstream('carrier', 1)
      .withSubscription('main', 1, { projects: [{ name: 'main', upstreams: ['carrier'] }] })
      .withSubscription('old', 0, { projects: ['other'] })
      .withClass('info', { direction: 'Inbound' })
      .withClass('campaign')
      .withActive({ campaign: 1 });
    const full = { ...moved.snapshot(), pending: [{ project: aProject('main'), ...led('old', ['trunk']).lineAt, slots: 1 }] };
    expect(firstRefusal(decideStep(full, [led('old', ['trunk'])]))).toMatchObject({ by: 'subscription', subscription: 'old' });
    const ceilings = new Map([...full.ceilings, [aSubscription('old'), 1]]);
    expect(decideStep({ ...full, ceilings }, [led('old', ['trunk'])]).admitted).toHaveLength(1);
    const both = { ...full, ceilings, pending: [{ ...full.pending[0], project: aProject('main'), slots: 2 }] };
    expect(firstRefusal(decideStep(both, [led('main', ['trunk'])]))).toMatchObject({ by: 'upstream', upstream: 'trunk' });
  });

  test('are not admitted while the lines in use exceed the ceiling', () => {
    const over = pool(2).withActive({ info: 1, vip: 2 });
    expect(firstRefusal(decideStep(over.snapshot(), [caller('vip'), caller('vip', 2)]))).toMatchObject({ by: 'subscription' });
  });

  test.each([
    { name: 'are let in while only creations are paused', until: 'closed', stops: 'creations', admitted: 2 },
    { name: 'are all let in while creations are tried again', until: 'probe-allowed', stops: 'creations', admitted: 2 },
    { name: 'are sent away while everything is paused', until: 'closed', stops: 'everything', admitted: 0 },
    { name: 'are let in one by one while calls are tried again', until: 'probe-allowed', stops: 'everything', admitted: 1 },
  ] as const)('$name', ({ until, stops, admitted }) => {
    const paused = pool(2).withPause('main', until, stops);
    expect(decideStep(paused.snapshot(), [caller('vip'), caller('vip', 2)]).admitted).toHaveLength(admitted);
  });

  test('leave the one try of a paused project to a creation', () => {
    const tried = pool(1).withClass('campaign').withPause('main', 'probe-allowed', 'creations');
    const decision = decideStep(tried.snapshot(), [caller('vip'), ...waitingSessions('campaign', 2)]);
    expect(decision.admitted.map((one) => one.class)).toEqual(['vip', 'campaign']);
    expect(firstRefusal(decision)).toMatchObject({ by: 'project' });
  });

  test('keep their reserve where only creations are paused', () => {
    const north = { direction: 'Inbound', priority: 1000, reserved: 2 } as const;
    const two = aPool().withSubscription('north', 2).withSubscription('south', 2).withClass('vip', north).withClass('campaign');
    const decision = decideStep(two.withPause('north', 'closed', 'creations').snapshot(), waitingSessions('campaign', 3));
    expect(countOf(decision, 'campaign')).toBe(2);
  });

  test('who have taken every line: the reserve goes to its class', () => {
    const rush = pool(2).withActive({ info: 2 });
    const decision = decideStep(rush.snapshot(), [caller('info'), caller('vip', 2)]);
    expect(decision.admitted.map((one) => one.class)).toEqual(['vip']);
    expect(firstRefusal(decision)).toMatchObject({ by: 'reservation', heldFor: ['vip'] });
  });
});

describe('order', () => {
  test('higher priority first, whatever the order of arrival', () => {
    const decision = decideStep(reservedPool().withCeiling('main', 4).snapshot(), [
      ...waitingSessions('campaign', 4),
      ...waitingSessions('vip', 4),
    ]);
    expect(decision.admitted.map((one) => one.class)).toEqual(['vip', 'vip', 'vip', 'vip']);
  });

  test('within a class by score, then by arrival', () => {
    const queue = [
      waiting('campaign', { sequence: 1 }),
      waiting('campaign', { sequence: 2, score: 5 }),
      waiting('campaign', { sequence: 3 }),
    ];
    const decision = decideStep(aPool().withSubscription('main', 9).withClass('campaign').snapshot(), queue);
    expect(decision.admitted.map((one) => one.session)).toEqual(['campaign-2', 'campaign-1', 'campaign-3']);
  });

  test.each([
    { name: 'equal weights share equally', weights: [1, 1], used: [0, 0], waited: [0, 0], shares: [6, 6] },
    { name: 'weight 3 gets three times as much', weights: [3, 1], used: [0, 0], waited: [0, 0], shares: [9, 3] },
    { name: 'who has used less comes first', weights: [1, 1], used: [600, 0], waited: [0, 0], shares: [1, 11] },
    { name: 'age at most doubles a weight', weights: [1, 1], used: [0, 0], waited: [3_600_000, 0], shares: [8, 4] },
  ])('equal priorities: $name', ({ weights, used, waited, shares }) => {
    const pool = aPool()
      .withSubscription('main', 12)
      .withClass('a', { weight: weights[0] ?? 1 })
      .withClass('b', { weight: weights[1] ?? 1 });
    const snapshot = pool.snapshot();
    const slotSeconds = new Map(snapshot.policy.classes.map(({ name }, index) => [name, used[index] ?? 0]));
    const queue = ['a', 'b'].flatMap((name, index) => waitingSessions(name, 12, { readySinceMs: nowMs - (waited[index] ?? 0) }));
    const decision = decideStep({ ...snapshot, slotSeconds }, queue);
    expect([countOf(decision, 'a'), countOf(decision, 'b')]).toEqual(shares);
  });
});

describe('calls of a project that is gone from the policy', () => {
  test('hold their lines of the subscription to their end', () => {
    const snapshot = aPool().withSubscription('main', 5).withClass('campaign').snapshot();
    const gone = {
      class: aClass('campaign'),
      direction: 'Outbound' as const,
      project: aProject('gone'),
      subscription: aSubscription('main'),
      slots: 3,
    };
    const pending = [{ project: aProject('gone'), subscription: aSubscription('main'), slots: 1 }];
    expect(decideStep({ ...snapshot, inUse: [gone], pending }, waitingSessions('campaign', 9)).admitted).toHaveLength(1);
  });
});

describe('cooling slots', () => {
  test('count as in use but fulfil no reservation', () => {
    // Ten lines, three reserved: seven talk for the campaign, and of the three of vip one has hung up. Its line is not free yet.
    const pool = reservedPool().withActive({ campaign: 6, vip: 3 });
    const snapshot = pool.snapshot();
    const cooling = { ...snapshot, inUse: snapshot.inUse.map((count) => (count.class === 'vip' ? { ...count, cooling: 1 } : count)) };
    expect(decideStep(snapshot, waitingSessions('campaign', 1)).admitted).toHaveLength(1);
    expect(firstRefusal(decideStep(cooling, waitingSessions('campaign', 1)))).toMatchObject({ by: 'reservation', heldFor: ['vip'] });
  });
});

describe('rates', () => {
  test('let so many through and say when the next may go', () => {
    const pool = aPool().withSubscription('main', 9, { callsPerSecond: 2 }).withClass('campaign');
    const decision = decideStep(pool.snapshot(), waitingSessions('campaign', 3));
    expect(decision.admitted).toHaveLength(2);
    expect(decision.nextRateAtMs).toBe(nowMs + 1_250);
    expect(firstRefusal(decision)).toEqual({ by: 'rate', limiter: 'subscription/main', retryAtMs: nowMs + 1_250 });
  });

  test('do not bind inbound calls', () => {
    const pool = aPool().withSubscription('main', 9, { callsPerSecond: 1 }).withClass('info', { direction: 'Inbound' });
    expect(decideStep(pool.snapshot(), waitingSessions('info', 5, { direction: 'Inbound' })).admitted).toHaveLength(5);
  });

  test('go elsewhere while one is exhausted', () => {
    const pool = aPool().withSubscription('west', 9, { callsPerSecond: 1 }).withSubscription('east', 1).withClass('campaign');
    expect(projectsOf(decideStep(pool.snapshot(), waitingSessions('campaign', 3)))).toEqual(['west', 'east']);
  });

  test('are the reason only when nothing wider is', () => {
    const pool = reservedPool().withActive({ campaign: 7 });
    const spent = [{ sinceMs: nowMs, untilMs: nowMs, count: 1_000_000 }];
    const decision = decideStep(pool.snapshot({ rates: new Map([['project/main', spent]]) }), waitingSessions('campaign', 1));
    expect(firstRefusal(decision)).toMatchObject({ by: 'reservation' });
  });
});

describe('probes', () => {
  const probes = new Set([aSubscription('main')]);
  const full = reservedPool().withActive({ campaign: 10 });

  test('take one session of the lowest class above the ceiling', () => {
    const decision = decideStep(full.snapshot({ probes }), [...waitingSessions('vip', 2), ...waitingSessions('campaign', 2)]);
    expect(decision.admitted).toEqual([{ session: 'campaign-1', class: 'campaign', project: 'main', probe: true }]);
  });

  test('keep what is withheld withheld', () => {
    const decision = decideStep(reservedPool().withActive({ campaign: 7 }).snapshot({ probes }), waitingSessions('campaign', 2));
    expect(decision.admitted).toMatchObject([{ probe: true }]);
    expect(decision.plan).toEqual(new Map([['vip', new Map([['main', 3]])]]));
  });

  test('are not sent while slots in use are above the ceiling already', () => {
    const decision = decideStep(full.withCeiling('main', 9).snapshot({ probes }), waitingSessions('campaign', 1));
    expect(decision.admitted).toEqual([]);
  });

  test('wait for sessions beyond reservations wherever their project is now', () => {
    const [main, gone] = [aSubscription('main'), aProject('gone')];
    const short = aPool().withSubscription('main', 2).withClass('vip', { priority: 1000, reserved: 2 }).withClass('campaign');
    const campaign = { class: aClass('campaign'), direction: 'Outbound', project: gone, subscription: main, slots: 1 } as const;
    const decide = (inUse: Snapshot['inUse']) => decideStep(short.snapshot({ probes, inUse }), waitingSessions('campaign', 1)).admitted;
    expect(decide([campaign])).toEqual([]);
    expect(decide([])).toMatchObject([{ probe: true }]);
  });

  test('respect every other limit', () => {
    const held = full.withLimits({ outbound: 10 });
    expect(decideStep(held.snapshot({ probes }), waitingSessions('campaign', 1)).admitted).toEqual([]);
  });
});

describe('routing', () => {
  const pool = (traits: { readonly affinity?: readonly string[] } = {}): PoolBuilder =>
    aPool()
      .withSubscription('main', 40, { projects: [{ name: 'heavy', weight: 3 }, 'light'] })
      .withClass('campaign', traits);

  test('spreads sessions by weight', () => {
    const projects = projectsOf(decideStep(pool().snapshot(), waitingSessions('campaign', 40)));
    expect(projects.filter((name) => name === 'heavy')).toHaveLength(30);
  });

  test('keeps sessions with equal labels together', () => {
    const projects = projectsOf(
      decideStep(pool({ affinity: ['client'] }).snapshot(), waitingSessions('campaign', 20, { labels: { client: 'acme' } })),
    );
    expect(new Set(projects).size).toBe(1);
  });

  test('spreads different labels', () => {
    const queue = Array.from({ length: 40 }, (_, index) => waiting('campaign', { sequence: index, labels: { client: `c${index}` } }));
    expect(new Set(projectsOf(decideStep(pool({ affinity: ['client'] }).snapshot(), queue))).size).toBe(2);
  });

  test('gives a half-open project exactly one session', () => {
    const projects = projectsOf(decideStep(pool().withPause('light', 'probe-allowed').snapshot(), waitingSessions('campaign', 5)));
    expect(projects).toEqual(['light', 'heavy', 'heavy', 'heavy', 'heavy']);
  });

  test('follows a pin, and refuses one that does not fit', () => {
    const pinned = decideStep(pool().snapshot(), [waiting('campaign', { project: 'light' })]);
    expect(projectsOf(pinned)).toEqual(['light']);
    const lost = decideStep(pool().snapshot(), [waiting('campaign', { project: 'elsewhere' })]);
    expect(firstRefusal(lost)).toMatchObject({ by: 'project', projects: ['elsewhere'] });
  });
});
