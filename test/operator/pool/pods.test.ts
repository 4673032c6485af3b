import { describe, expect, test } from 'vitest';
import { keepPod } from '../../../operator/pool/pods.ts';

const metadata = {
  name: 'sales-vcp-1',
  namespace: 'voice',
  creationTimestamp: '2026-03-09T16:00:00Z',
  labels: { 'trunkline.dev/pool': 'sales' },
};
const ofState = (state: object, conditions: readonly object[] = []) =>
  keepPod({ metadata, status: { conditions, containerStatuses: [{ state }] } });

describe('of a pod', () => {
  test('whose worker runs is kept since when, which may be long after it was made', () => {
    const pod = ofState({ running: { startedAt: '2026-03-09T16:04:00Z' } }, [{ type: 'Ready', status: 'True' }]);
    expect(pod).toMatchObject({ poolKey: 'voice/sales', ready: true, createdMs: Date.UTC(2026, 2, 9, 16), waiting: undefined });
    expect(pod.runsSinceMs).toBe(Date.UTC(2026, 2, 9, 16, 4));
  });

  test.each([
    { what: 'nothing while its image comes', state: { waiting: { reason: 'ContainerCreating' } }, waiting: undefined },
    {
      what: 'what keeps it from starting',
      state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } },
      waiting: { reason: 'ImagePullBackOff', message: 'no such image' },
    },
  ])('that does not run is told $what', ({ state, waiting }) => {
    expect(ofState(state)).toMatchObject({ runsSinceMs: undefined, waiting });
  });

  test('that no node has room for are told the words of the scheduler', () => {
    const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' };
    expect(keepPod({ metadata, status: { conditions: [unscheduled] } }).waiting).toEqual({
      reason: 'Unschedulable',
      message: '0/3 nodes are available',
    });
  });

  test.each([
    { phase: 'Failed', over: true },
    { phase: 'Succeeded', over: true },
    { phase: 'Running', over: false },
    { phase: 'Pending', over: false },
  ])('of phase $phase it is kept whether another has taken its place: $over', ({ phase, over }) => {
    expect(keepPod({ metadata, status: { phase, reason: 'Evicted' } }).over).toBe(over);
  });
});
