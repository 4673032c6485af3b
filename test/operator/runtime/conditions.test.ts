import { test as property } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Condition, type Finding, transition } from '../../../operator/runtime/conditions.ts';

const noon = { generation: 3, wallMs: Date.UTC(2026, 0, 2, 12, 0, 0, 678) };
const ready: Finding = { type: 'Ready', status: 'True', reason: 'AllWell', message: '' };
const before: Condition = { ...ready, observedGeneration: 2, lastTransitionTime: '2026-01-01T00:00:00Z' };

describe('a condition', () => {
  test('that is new begins now, to the second', () => {
    expect(transition([], [ready], noon)).toEqual([{ ...ready, observedGeneration: 3, lastTransitionTime: '2026-01-02T12:00:00Z' }]);
  });

  test('keeps its time while its status stays, whatever becomes of reason, message and generation', () => {
    const found = { ...ready, reason: 'StillWell', message: 'as ever' };
    expect(transition([before], [found], noon)).toEqual([
      { ...found, observedGeneration: 3, lastTransitionTime: before.lastTransitionTime },
    ]);
  });

  test('begins anew when its status changes', () => {
    const [after] = transition([before], [{ ...ready, status: 'Unknown' }], noon);
    expect(after?.lastTransitionTime).toBe('2026-01-02T12:00:00Z');
  });

  test('that nobody found any more is gone', () => {
    expect(transition([before], [], noon)).toEqual([]);
  });

  test('has a message that the schema takes', () => {
    const [after] = transition([], [{ ...ready, message: 'x'.repeat(10_000) }], noon);
    expect(after?.message).toMatch(/^x{4095}…$/);
  });

  const anyFinding = fc.record({
    type: fc.constantFrom('Accepted', 'CapacityKnown', 'Ready', 'WorkersAvailable'),
    status: fc.constantFrom<Finding['status'][]>('True', 'False', 'Unknown'),
    reason: fc.constantFrom('One', 'Other'),
    message: fc.string({ maxLength: 10 }),
  });
  const someFindings = fc.uniqueArray(anyFinding, { selector: ({ type }) => type });
  property.prop([someFindings, someFindings, fc.nat()])('found again, in whatever order, is the same list', (first, second, seed) => {
    const one = transition(transition([], first, { generation: 1, wallMs: 0 }), second, noon);
    const turned = [...second].sort((a, b) => ((a.type.length * seed) % 7) - ((b.type.length * seed) % 7)).reverse();
    expect(transition(one, turned, { ...noon, wallMs: noon.wallMs + 86_400_000 })).toEqual(one);
    expect(one.map(({ type }) => type)).toEqual(second.map(({ type }) => type).sort());
  });
});
