import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { compilePolicy } from '../../../capacity/policy/compile.ts';
import { judgeDestination } from '../../../capacity/policy/destinations.ts';
import { poolManifest } from '../../../crds/pool.ts';
import { poolWith } from '../../crds/pools.ts';

function compiled(changes: Readonly<Record<string, unknown>>) {
  const { policy, problems, warnings } = compilePolicy(poolManifest.parse(parse(poolWith(changes))));
  const named = (name: string) => {
    const found = policy.classes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no class ${name}`);
    return found;
  };
  return { policy, problems, warnings, named };
}

const [vip, desk, campaign] = ['spec.classes[0]', 'spec.classes[1]', 'spec.classes[2]'];

describe('a class can run', () => {
  test.each([
    { when: 'inbound where its dialled number is', of: 'vip', changes: {}, eligible: { Inbound: ['front'], Outbound: [] } },
    {
      when: 'inbound at every number when it names none',
      of: 'vip',
      changes: { [`${vip}.match`]: undefined },
      eligible: { Inbound: ['front', 'far'], Outbound: [] },
    },
    {
      when: 'outbound where a number to call from is selected',
      of: 'campaign',
      changes: {},
      eligible: { Inbound: [], Outbound: ['front', 'back'] },
    },
    {
      when: 'outbound from any number when it selects none',
      of: 'campaign',
      changes: { [`${campaign}.from`]: undefined },
      eligible: { Inbound: [], Outbound: ['front', 'back'] },
    },
    {
      when: 'on selected projects only',
      of: 'campaign',
      changes: { [`${campaign}.projects`]: { matchLabels: { geo: 'west' } } },
      eligible: { Inbound: [], Outbound: ['front'] },
    },
    {
      when: 'in both directions, each with its own projects',
      of: 'desk',
      changes: {},
      eligible: { Inbound: ['far'], Outbound: ['front', 'far'] },
    },
    {
      when: 'only where its assistant is',
      of: 'vip',
      changes: { [`${vip}.assistant`]: 'closer', [`${vip}.match`]: undefined },
      eligible: { Inbound: ['far'], Outbound: [] },
    },
  ])('$when', ({ of, changes, eligible }) => {
    expect(compiled(changes).named(of).eligible).toEqual(eligible);
  });

  test('and calls only from numbers that it selects', () => {
    const { named } = compiled({});
    expect([...named('campaign').callFrom]).toEqual([
      ['front', [{ id: 'n2', number: '+14155550101' }]],
      ['back', [{ id: 'n3', number: '+14155550102' }]],
    ]);
    expect([...named('vip').callFrom]).toEqual([]);
  });
});

describe('a policy', () => {
  test('has its classes by falling priority, equal ones in the order of the manifest', () => {
    const { policy } = compiled({ [`${desk}.priority`]: 100, [`${vip}.priority`]: 50 });
    expect(policy.classes.map(({ name }) => name)).toEqual(['desk', 'campaign', 'vip']);
  });

  test.each([
    { what: 'the United States', changes: {}, project: 0, baseUrl: 'https://api.vapi.ai' },
    { what: 'Europe', changes: {}, project: 2, baseUrl: 'https://api.eu.vapi.ai' },
    {
      what: 'a proxy, without the slash',
      changes: { 'spec.subscriptions[1].projects[0].baseUrl': 'http://localhost:9/v/' },
      project: 2,
      baseUrl: 'http://localhost:9/v',
    },
  ])('finds the provider in $what', ({ changes, project, baseUrl }) => {
    expect(compiled(changes).policy.projects[project]?.baseUrl).toBe(baseUrl);
  });

  test('dials the countries of its own numbers unless it says otherwise', () => {
    expect(compiled({ 'spec.destinations': undefined }).policy.destinations).toEqual({ allow: ['GB', 'US'], maxDialsPerDay: 3 });
    expect(compiled({ 'spec.destinations': { allow: ['+4420'] } }).policy.destinations.allow).toEqual(['+4420']);
  });

  test.each([
    { handler: { module: './a.mjs', stateful: true }, timeout: '30s', warns: true },
    { handler: { module: './a.mjs', stateful: true }, timeout: '10m', warns: false },
    { handler: { module: './a.mjs' }, timeout: '30s', warns: false },
  ])('warns $warns when workers drain for $timeout behind $handler', ({ handler, timeout, warns }) => {
    const { warnings } = compiled({ 'spec.handler': handler, 'spec.workers': { drain: { timeout } } });
    const warning = { path: ['spec', 'workers', 'drain', 'timeout'], message: expect.stringContaining('calls last up to 600 s') };
    expect(warnings.filter(({ path }) => path.includes('drain'))).toEqual(warns ? [warning] : []);
  });

  test('warns when it may dial nothing, because its numbers belong to no country', () => {
    const tollFree = (id: string, number: string) => ({ id, number, labels: { use: 'sales' } });
    const { policy, warnings } = compiled({
      'spec.destinations': undefined,
      'spec.subscriptions[0].projects[0].phoneNumbers': [tollFree('n1', '+80012345678')],
      'spec.subscriptions[0].projects[1].phoneNumbers': [],
      'spec.subscriptions[1].projects[0].phoneNumbers': [],
    });
    expect(policy.destinations.allow).toEqual([]);
    expect(warnings).toContainEqual({ path: ['spec', 'destinations'], message: expect.stringContaining('campaign can place no call') });
  });

  test("takes a class's own bounds of a session before the pool's", () => {
    const { named } = compiled({ 'spec.session': { maxDuration: '5m' }, [`${vip}.session`]: { maxDuration: '1h', ringTimeout: '20s' } });
    expect(named('vip').session).toEqual({ maxDurationMs: 3_600_000, ringTimeoutMs: 20_000, silenceTimeoutMs: 30_000 });
    expect(named('campaign').session).toEqual({ maxDurationMs: 300_000, ringTimeoutMs: 60_000, silenceTimeoutMs: 30_000 });
  });

  test('says reserves in one of two ways', () => {
    const { named } = compiled({});
    expect([named('vip').reserved, named('vip').reservedAt]).toEqual([5, undefined]);
    expect([named('desk').reserved, [...(named('desk').reservedAt ?? [])]]).toEqual([
      0,
      [
        ['main', 2],
        ['second', 3],
      ],
    ]);
  });

  test('has numbers in place of texts', () => {
    const { policy, named } = compiled({});
    expect(policy.subscriptions.map(({ callsPerSecond }) => callsPerSecond)).toEqual([2, undefined]);
    expect(policy.upstreams).toEqual([{ name: 'trunk', concurrencyLimit: 60, callsPerSecond: undefined, unitsPerSession: 2 }]);
    expect(named('campaign').retry).toEqual({ maxAttempts: 3, initialMs: 60_000, maxMs: 3_600_000, on: ['Busy'] });
    expect([named('vip').maxWaitMs, named('desk').maxWaitMs]).toEqual([3_000, 2_000]);
  });

  test('is complete even where the pool cannot work, so that it can be shown', () => {
    const { policy, problems } = compiled({ [`${vip}.assistant`]: 'nobody' });
    expect(problems.map(({ path }) => path)).toEqual([['spec', 'classes', 0, 'assistant']]);
    expect(policy.classes).toHaveLength(3);
  });
});

describe('a destination is', () => {
  test.each([
    ['+14155550123', 'allowed'],
    ['+442079460123', 'allowed'],
    ['+4930901820', 'not-allowed'],
    ['+449098790879', 'premium'],
    ['+19002345678', 'premium'],
    ['+1911911', 'invalid'],
    ['+10005550100', 'invalid'],
    ['911', 'invalid'],
    ['', 'invalid'],
    ['+14155550123;ext=5', 'invalid'],
    ['tel:+14155550123', 'invalid'],
  ])('%s: %s', (number, verdict) => {
    expect(judgeDestination(number, ['+1', '+44'])).toBe(verdict);
  });

  test.each([
    { what: 'New York', number: '+12125550123', verdict: 'allowed' },
    { what: 'London, by its prefix', number: '+442079460123', verdict: 'allowed' },
    { what: 'Manchester', number: '+441614960123', verdict: 'not-allowed' },
    { what: 'Canada', number: '+14165550123', verdict: 'not-allowed' },
    { what: 'Jamaica', number: '+18765551234', verdict: 'not-allowed' },
    { what: 'Puerto Rico', number: '+17872221234', verdict: 'not-allowed' },
    { what: 'a premium number', number: '+19002345678', verdict: 'premium' },
  ])('by country: $what is $verdict', ({ number, verdict }) => {
    expect(judgeDestination(number, ['US', '+4420'])).toBe(verdict);
  });
});
