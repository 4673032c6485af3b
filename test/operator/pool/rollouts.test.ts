import { expect, test } from 'vitest';
import type { ObservedDeployment } from '../../../operator/pool/observed.ts';
import { templateMark } from '../../../operator/pool/plan/names.ts';
import { openRollouts, type RolloutOf } from '../../../operator/pool/rollouts.ts';
import type { Manifest } from '../../../operator/runtime/apply.ts';

const rolled: ObservedDeployment = { wanted: 2, replicas: 2, ready: 2, updated: 2, failure: undefined };
const halfway: ObservedDeployment = { ...rolled, replicas: 3, updated: 1 };

const deployment = (mark: string, image: string): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'sales-vcp', namespace: 'voice', annotations: { [templateMark]: mark } },
  spec: { replicas: 2, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'worker', image }] } } },
});
const service: Manifest = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'sales-vcp', namespace: 'voice' } };
const planned = [service, deployment('new', 'trunkline:2')];
/** As the server gives it back: with a field that it fills in. */
const live = {
  ...deployment('old', 'trunkline:1'),
  spec: {
    replicas: 2,
    template: {
      metadata: { creationTimestamp: null, labels: { a: 'b' } },
      spec: { containers: [{ name: 'worker', image: 'trunkline:1' }] },
    },
  },
};
const held = [service, deployment('old', 'trunkline:1')];

function fleetOf(pools: number) {
  const deployments = new Map<string, ObservedDeployment>();
  let nowMs = 0;
  const rollouts = openRollouts(
    (key) => deployments.get(key),
    () => nowMs,
  );
  return {
    pace: (key: string, more: Partial<RolloutOf> = {}) =>
      rollouts.pace(planned, { key, declaredAnew: false, live, deployment: rolled, pools, ...more }),
    now: (key: string, state: ObservedDeployment) => deployments.set(key, state),
    pass: (ms: number) => {
      nowMs += ms;
    },
    forget: rollouts.forget,
  };
}

test('a release reaches a tenth of the pools at a time, and the next one when one has rolled out', () => {
  const fleet = fleetOf(25);
  for (const key of ['a', 'b']) expect(fleet.pace(key)).toEqual({ plan: planned, behind: undefined });
  expect(fleet.pace('c')).toEqual({ plan: held, behind: 2 });
  for (const key of ['a', 'b']) fleet.now(key, halfway);
  fleet.pass(60_000);
  expect(fleet.pace('c').behind).toBeGreaterThan(0);
  expect(fleet.pace('a')).toEqual({ plan: planned, behind: undefined });
  fleet.now('a', rolled);
  expect(fleet.pace('c')).toEqual({ plan: planned, behind: undefined });
  expect(fleet.pace('d').behind).toBeGreaterThan(0);
});

test('a rollout that has only just begun is not taken for done', () => {
  const fleet = fleetOf(1);
  fleet.now('a', rolled);
  fleet.pace('a');
  fleet.pass(1_000);
  expect(fleet.pace('b').behind).toBeGreaterThan(0);
});

test('one pool at least is always rolled out, and a deleted one gives its turn on', () => {
  const fleet = fleetOf(3);
  fleet.now('a', halfway);
  expect(fleet.pace('a').behind).toBeUndefined();
  fleet.pass(60_000);
  expect(fleet.pace('b').behind).toBeGreaterThan(0);
  fleet.forget('a');
  expect(fleet.pace('b').behind).toBeUndefined();
});

test.each<readonly [string, Partial<RolloutOf>]>([
  ['what the team itself has changed', { declaredAnew: true }],
  ['a pool in which nobody serves', { deployment: { ...rolled, ready: 0 } }],
  ['a pool that has no Deployment yet', { live: undefined, deployment: undefined }],
  ['a pool whose pods stay as they are', { live: deployment('new', 'trunkline:2') }],
])('%s does not wait', (_what, more) => {
  const fleet = fleetOf(1);
  fleet.now('a', halfway);
  fleet.pace('a');
  expect(fleet.pace('b', more)).toEqual({ plan: planned, behind: undefined });
});

test('what hands change in the pods of a pool that waits is put back', () => {
  const fleet = fleetOf(10);
  fleet.pace('a');
  fleet.now('a', halfway);
  expect(fleet.pace('b')).toEqual({ plan: held, behind: 1 });
  const byHand = {
    ...live,
    spec: { ...live.spec, template: { ...live.spec.template, spec: { containers: [{ name: 'worker', image: 'mine' }] } } },
  };
  expect(fleet.pace('b', { live: byHand })).toEqual({ plan: held, behind: 1 });
});
