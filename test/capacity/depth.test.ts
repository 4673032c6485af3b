import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { afterLook, firstDepth } from '../../capacity/admission/depth.ts';

describe('a look into a lane', () => {
  test.each([
    { name: 'is shallow where nothing was of use', usedBefore: 0, room: 200, lanes: 32, depth: 4 },
    { name: 'is deeper where lanes are few', usedBefore: 0, room: 200, lanes: 3, depth: 8 },
    { name: 'goes twice as deep as was of use', usedBefore: 30, room: 200, lanes: 32, depth: 60 },
    { name: 'is deep enough to see that somebody stays behind, and no deeper', usedBefore: 150, room: 50, lanes: 3, depth: 51 },
    { name: 'sees a few even when there is no room', usedBefore: 150, room: 0, lanes: 1, depth: 4 },
  ])('$name', ({ depth, ...look }) => {
    expect(firstDepth(look)).toBe(depth);
  });

  test.each([
    { name: 'is enough where the lane ends', look: { depth: 4, found: 3, used: 3 }, verdict: { kind: 'enough' } },
    { name: 'is enough where somebody stays behind', look: { depth: 4, found: 4, used: 3 }, verdict: { kind: 'enough' } },
    { name: 'goes deeper where all were of use', look: { depth: 4, found: 4, used: 4 }, verdict: { kind: 'deeper', depth: 16 } },
    { name: 'goes no deeper than there is room', look: { depth: 16, found: 16, used: 16 }, verdict: { kind: 'deeper', depth: 21 } },
    { name: 'leaves the rest to another step', look: { depth: 21, found: 21, used: 21 }, verdict: { kind: 'more' } },
  ])('$name', ({ look, verdict }) => {
    expect(afterLook(look, 20)).toEqual(verdict);
  });

  const whole = fc.integer({ min: 0, max: 300 });
  property.prop([whole, whole, whole, whole])('finds all that can start, in few looks', (length, startable, room, usedBefore) => {
    let depth = firstDepth({ usedBefore, room, lanes: 1 });
    for (let looks = 1; ; looks += 1) {
      const found = Math.min(length, depth);
      const used = Math.min(found, startable, Math.max(4, room + 1));
      const verdict = afterLook({ depth, found, used }, room);
      if (verdict.kind !== 'deeper') {
        expect(used).toBe(Math.min(length, startable, Math.max(4, room + 1)));
        expect(looks).toBeLessThanOrEqual(5);
        return;
      }
      depth = verdict.depth;
    }
  });
});
