import { describe, expect, test } from 'vitest';
import type { Blocked, Guarded } from '../../capacity/admission/snapshot.ts';
import { describeBlocked, type ExplainedSession, explainClass, explainSession } from '../../capacity/explain/explain.ts';
import type { ClassView, PoolView } from '../../capacity/view.ts';
import { poolName } from '../../crds/values.ts';
import { aClass, anUpstream, aProject, aSubscription } from '../support/pool.ts';

const nowMs = 1_700_000_000_000;
const vip = aClass('vip');
const guard: Guarded = { reason: 'NewTimeline', unlisted: [aProject('north')] };

describe('every reason is one sentence that names the limit and what frees it', () => {
  test.each<{ why: Blocked; says: RegExp }>([
    { why: { by: 'mode', mode: 'Hold' }, says: /mode Hold.*Active/ },
    { why: { by: 'mode', mode: 'Observe' }, says: /mode Observe/ },
    { why: { by: 'hold', scope: 'pool' }, says: /trunkline resume/ },
    { why: { by: 'guard', reason: 'NewTimeline', unlisted: [aProject('north')] }, says: /replica was promoted.*calls of project north/ },
    { why: { by: 'hold', scope: 'class' }, says: /resume --class campaign`/ },
    { why: { by: 'pool', limit: 140 }, says: /budget of 140 slots/ },
    { why: { by: 'direction', direction: 'Outbound', limit: 1 }, says: /All 1 slot for outbound/ },
    { why: { by: 'class', limit: 60 }, says: /limit of 60 slots/ },
    { why: { by: 'project', projects: [aProject('north'), aProject('south')], reason: 'paused' }, says: /north and south now: paused/ },
    { why: { by: 'project', projects: [], reason: 'no number to call from' }, says: /no number to call from/ },
    { why: { by: 'subscription', subscription: aSubscription('main'), ceiling: 10 }, says: /10 slots of subscription main/ },
    { why: { by: 'subscription', subscription: aSubscription('main'), ceiling: 0 }, says: /no usable line/ },
    { why: { by: 'upstream', upstream: anUpstream('trunk'), limit: 5 }, says: /Upstream trunk.*5 units/ },
    {
      why: { by: 'reservation', heldFor: [vip], withheld: 3, proof: 'unplaceable' },
      says: /3 slots that are free belong to the reservation of vip/,
    },
    { why: { by: 'reservation', heldFor: [vip], withheld: 0, proof: 'unplaceable' }, says: /short of lines/ },
    { why: { by: 'reservation', heldFor: [vip], withheld: 3, proof: 'not-proven' }, says: /not proven/ },
    { why: { by: 'rate', limiter: 'upstream/trunk', retryAtMs: nowMs }, says: /upstream trunk.*2023-11-14T22:13:20/ },
    { why: { by: 'rate', limiter: 'project/north', retryAtMs: nowMs }, says: /request rate of project north/ },
  ])('$why.by', ({ why, says }) => {
    const sentence = describeBlocked(why, 'campaign');
    expect(sentence).toMatch(says);
    expect(sentence).toMatch(/^[A-Z].*\.$/);
  });
});

const classView = (name: string, changes: Partial<ClassView> = {}): ClassView => ({
  name: aClass(name),
  priority: 100,
  direction: 'Outbound',
  queued: 0,
  inUse: 0,
  reserved: 0,
  withheld: 0,
  limit: null,
  oldestWaitMs: null,
  waitMs: null,
  leftPerMinute: 0,
  blocked: null,
  ...changes,
});

const view = (classes: readonly ClassView[], atMs = nowMs): PoolView => ({
  pool: poolName.parse('sales'),
  atMs,
  epoch: 1,
  policyVersion: 1,
  mode: 'Active',
  holds: { pool: false, classes: [] },
  slots: { inUse: 10, ceiling: 10, limit: 10 },
  directions: { Inbound: { inUse: 0, limit: null }, Outbound: { inUse: 10, limit: null } },
  subscriptions: [
    {
      name: aSubscription('main'),
      limit: 12,
      learnedLimit: null,
      ceiling: 10,
      inUse: 10,
      cooling: 3,
      withheld: 0,
      foreign: 2,
      probing: true,
      releaseLagMs: 900,
    },
  ],
  upstreams: [],
  projects: [],
  classes,
  callsPerSecond: 0,
  decisions: [],
});

describe('a class', () => {
  test('of a class tells those that are due from those that wait for their time', () => {
    const due = classView('campaign', { queued: 2, oldestWaitMs: 10 });
    expect(explainClass(view([due]), 'campaign', nowMs).join(' ')).toMatch(/starts with the next decision/);
    expect(explainClass(view([{ ...due, oldestWaitMs: null }]), 'campaign', nowMs).join(' ')).toMatch(/None is due.*notBefore/);
  });

  test('that waits: how many, how long, why, and the figures of the limit', () => {
    const waiting = classView('campaign', {
      queued: 40,
      inUse: 10,
      oldestWaitMs: 90_000,
      blocked: { by: 'subscription', subscription: aSubscription('main'), ceiling: 10 },
    });
    expect(explainClass(view([waiting]), 'campaign', nowMs)).toEqual([
      'Class campaign (priority 100) has 10 slots in use.',
      '40 sessions of it wait, the first for 90 s.',
      'All 10 slots of subscription main are in use: it waits for one of its calls to end.',
      "Subscription main: limit 12, 10 slots in use; 3 of them cooling for up to 0.9 s after the end; 2 lines held by calls that are not the pool's.",
    ]);
  });

  test('that a reservation holds back: whose, and how it stands', () => {
    const blocked: Blocked = { by: 'reservation', heldFor: [vip], withheld: 2, proof: 'unplaceable' };
    const lines = explainClass(
      view([classView('vip', { reserved: 3, inUse: 1, withheld: 2 }), classView('campaign', { queued: 1, blocked })]),
      'campaign',
      nowMs,
    );
    expect(lines.at(-1)).toBe('Class vip: 3 reserved, 1 in use, 2 kept free.');
  });

  test.each<{ name: string; view: PoolView; says: string | RegExp }>([
    { name: 'without a queue', view: view([classView('campaign')]), says: 'No session of it waits.' },
    {
      name: 'with nothing in the way',
      view: view([classView('campaign', { queued: 1, oldestWaitMs: 5 })]),
      says: /starts with the next decision/,
    },
    { name: 'in a pool of mode Hold', view: { ...view([classView('campaign')]), mode: 'Hold' }, says: /mode Hold/ },
    { name: 'in a pool of mode Observe', view: { ...view([classView('campaign')]), mode: 'Observe' }, says: /mode Observe/ },
    {
      name: 'in a guarded pool',
      view: { ...view([classView('campaign')]), guard: { ...guard, sinceMs: nowMs } },
      says: /calls of project north/,
    },
    {
      name: 'in a pool that is held',
      view: { ...view([classView('campaign')]), holds: { pool: true, classes: [] } },
      says: /The pool is held/,
    },
    {
      name: 'that is held',
      view: { ...view([classView('campaign')]), holds: { pool: false, classes: [aClass('campaign')] } },
      says: /Class campaign is held/,
    },
    { name: 'while no dispatcher is at work', view: view([classView('campaign')], nowMs - 60_000), says: /60 s old: no dispatcher/ },
    { name: 'that is not there', view: view([classView('vip')]), says: 'The pool has no class campaign: it has vip.' },
  ])('$name', ({ view: seen, says }) => {
    expect(explainClass(seen, 'campaign', nowMs)).toContainEqual(typeof says === 'string' ? says : expect.stringMatching(says));
  });
});

describe('a class that something stops altogether', () => {
  const held = { pool: true, classes: [aClass('campaign'), vip] };

  test('is told everything that would have to end, before its queue', () => {
    const stopped: PoolView = { ...view([classView('campaign')]), mode: 'Hold', holds: held, guard: { ...guard, sinceMs: nowMs } };
    expect(explainClass(stopped, 'campaign', nowMs)).toEqual([
      'Class campaign (priority 100) has 0 slots in use.',
      expect.stringContaining('mode Hold'),
      expect.stringContaining('may have lost its newest part'),
      expect.stringContaining('The pool is held'),
      expect.stringContaining('Class campaign is held'),
      'No session of it waits.',
    ]);
  });

  test('is told so once, though the first session waits for the same', () => {
    const waiting = classView('campaign', { queued: 2, oldestWaitMs: 10, blocked: { by: 'hold', scope: 'class' } });
    const stopped: PoolView = { ...view([waiting]), holds: { pool: false, classes: [aClass('campaign')] } };
    expect(explainClass(stopped, 'campaign', nowMs).filter((line) => line.includes('is held'))).toHaveLength(1);
    expect(explainClass({ ...stopped, classes: [{ ...waiting, blocked: null }] }, 'campaign', nowMs).join(' ')).not.toMatch(
      /next decision/,
    );
  });

  test('says nothing of what stops others', () => {
    const seen: PoolView = { ...view([classView('campaign'), classView('vip')]), holds: { pool: false, classes: [vip] } };
    expect(explainClass(seen, 'campaign', nowMs)).toEqual(['Class campaign (priority 100) has 0 slots in use.', 'No session of it waits.']);
  });
});

describe('a session', () => {
  const session: ExplainedSession = {
    id: 's-1',
    class: aClass('campaign'),
    state: 'queued',
    project: null,
    notBeforeMs: null,
    ahead: 4,
    outcome: null,
    outcomeReason: null,
  };
  const seen = view([classView('campaign', { queued: 5 })]);

  test.each<{ name: string; session: ExplainedSession; first: RegExp }>([
    { name: 'that waits', session, first: /waits in class campaign/ },
    { name: 'that waits for its time', session: { ...session, notBeforeMs: nowMs + 1_000 }, first: /not before 2023/ },
    { name: 'that runs', session: { ...session, state: 'bound', project: aProject('north') }, first: /is bound in project north/ },
    {
      name: 'that has ended',
      session: { ...session, state: 'ended', outcome: 'Busy', outcomeReason: 'attempt 3 of 3' },
      first: /Busy, attempt 3 of 3/,
    },
  ])('$name', ({ session: asked, first }) => {
    expect(explainSession(seen, asked, nowMs)[0]).toMatch(first);
  });

  test('says who comes first', () => {
    expect(explainSession(seen, session, nowMs)).toContain('4 sessions of its class come first.');
  });
});
