import { describe, expect, test } from 'vitest';
import { type DeclaredLines, type LineHolder, lineageOf } from '../../../capacity/policy/lineage.ts';
import { anUpstream, aProject, aSubscription } from '../../support/pool.ts';

/** A policy in short: accounts by subscription, and of each project its subscription and upstreams. */
function aPolicy(
  version: number,
  accounts: Readonly<Record<string, string | undefined>>,
  projects: Readonly<Record<string, readonly [subscription: string, ...upstreams: string[]]>>,
): DeclaredLines {
  return {
    version,
    subscriptions: Object.entries(accounts).map(([name, accountId]) => ({ name: aSubscription(name), accountId })),
    projects: Object.entries(projects).map(([name, [subscription, ...upstreams]]) => ({
      name: aProject(name),
      subscription: aSubscription(subscription),
      upstreams: upstreams.map(anUpstream),
    })),
    upstreams: [...new Set(Object.values(projects).flatMap(([, ...upstreams]) => upstreams))].map(anUpstream),
  };
}

const taken = (project: string, subscription: string, policyVersion: number | null): LineHolder => ({
  project: aProject(project),
  subscription: aSubscription(subscription),
  policyVersion,
  enteredVersion: policyVersion,
});

describe('a line counts', () => {
  const now = aPolicy(
    9,
    { east: 'x', main: 'y', bare: undefined },
    { front: ['east', 'new-trunk'], desk: ['bare'], keeper: ['east', 'trunk', 'cellar'] },
  );
  const before = aPolicy(
    5,
    { main: 'x', loose: undefined, gone: 'z' },
    { front: ['main', 'trunk'], back: ['main', 'trunk'], desk: ['loose'] },
  );
  const first = aPolicy(2, { old: 'x' }, { front: ['old'], attic: ['old', 'cellar'] });
  const lineage = lineageOf(now, [before, first]);

  test.each<readonly [string, LineHolder, string, readonly string[]]>([
    ['where its project is, if it was taken by this policy', taken('front', 'east', 9), 'east', ['new-trunk']],
    ['against its account, under the name that this has now', taken('front', 'main', 5), 'east', ['trunk', 'new-trunk']],
    ['against its account, although another has its name now', taken('back', 'main', 5), 'east', ['trunk']],
    ['against its account after two renames', taken('attic', 'old', 2), 'east', ['cellar']],
    ['under its name, if no policy took it', taken('front', 'main', null), 'main', ['new-trunk']],
    ['under the last name of its account, if no policy took it and nobody has its name', taken('back', 'old', null), 'east', ['trunk']],
    ['where its project is now, if neither account nor name is known', taken('desk', 'loose', 5), 'bare', []],
    [
      'by the channels that it came in through, if it was decided on later',
      { ...taken('front', 'east', 9), enteredVersion: 5 },
      'east',
      ['trunk', 'new-trunk'],
    ],
    ['under its own name, if all of it is gone', taken('none', 'gone', 5), 'gone', []],
    ['by the newest policy that has it, if its own is forgotten', taken('back', 'old', 1), 'east', ['trunk']],
  ])('%s', (_how, holder, subscription, upstreams) => {
    expect(lineage.placeOf(holder)).toEqual({ subscription, upstreams });
    expect(lineage.placeOf(holder)).toEqual({ subscription, upstreams });
  });
});

describe('channels of a call count', () => {
  const begun = aPolicy(1, { main: 'x' }, { front: ['main', 'trunk'], bare: ['main'] });
  const upstreamsBy = (now: DeclaredLines, project = 'front') => lineageOf(now, [begun]).placeOf(taken(project, 'main', 1)).upstreams;

  test('at the present upstreams of its project, when the one that it went through is gone: it may have been renamed', () => {
    expect(upstreamsBy(aPolicy(2, { main: 'x' }, { front: ['main', 'carrier'] }))).toEqual(['trunk', 'carrier']);
  });

  test('at an upstream that was declared for its project since: it may have gone through it all along', () => {
    expect(upstreamsBy(aPolicy(2, { main: 'x' }, { bare: ['main', 'carrier'] }), 'bare')).toEqual(['carrier']);
  });

  test('where it went, when its project is led elsewhere', () => {
    const other = aPolicy(1, { main: 'x' }, { front: ['main', 'trunk'], back: ['main', 'carrier'] });
    const now = aPolicy(2, { main: 'x' }, { front: ['main', 'carrier'], back: ['main', 'trunk'] });
    expect(lineageOf(now, [other]).placeOf(taken('front', 'main', 1)).upstreams).toEqual(['trunk']);
  });
});
