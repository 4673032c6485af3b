import { beforeEach, describe, expect, test } from 'vitest';
import { type OwnWrites, openOwnWrites } from '../../../operator/pool/own-writes.ts';
import { virtualClock } from '../runtime/virtual-time.ts';

const path = '/apis/apps/v1/namespaces/a/deployments/b';
const version = (resourceVersion: number) => ({ metadata: { resourceVersion: `${resourceVersion}` } });

let clock: ReturnType<typeof virtualClock>;
let own: OwnWrites;
beforeEach(() => {
  clock = virtualClock();
  own = openOwnWrites(clock);
});

const write = (resourceVersion: number) => own.during(path, async () => ({ changed: 'applied', object: version(resourceVersion) }));

describe('a write of ours', () => {
  test('counts until a watch shows it, and is no news then', async () => {
    await write(7);
    expect(own.newerThan(path, undefined)).toEqual(version(7));
    expect(own.newerThan(path, 5)).toEqual(version(7));
    expect(own.haveSeen([path])).toBe(false);
    expect(own.isOwn(path, 7)).toBe(true);
    expect(own.haveSeen([path])).toBe(true);
  });

  test('is no news either when the watch is sooner than the answer', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const writing = own.during(path, async () => {
      await promise;
      return { changed: 'applied', object: version(7) };
    });
    expect(own.isOwn(path, 7)).toBe(true);
    resolve();
    await writing;
    expect(own.haveSeen([path])).toBe(true);
  });

  test('that somebody changed before its answer came is looked at again', async () => {
    await own.during(path, async () => {
      own.isOwn(path, 9);
      return { changed: 'applied', object: version(7) };
    });
    expect(own.haveSeen([path])).toBe(false);
    expect(own.newerThan(path, 9)).toBeUndefined();
  });

  test('does not make news of what was there before it', async () => {
    await write(7);
    expect(own.isOwn(path, 6)).toBe(true);
    expect(own.newerThan(path, 6)).toEqual(version(7));
  });

  test('that no watch shows counts for five seconds', async () => {
    await write(7);
    await clock.advance(5_000);
    expect(own.newerThan(path, undefined)).toBeUndefined();
    expect(own.haveSeen([path])).toBe(true);
  });
});

describe('what others do', () => {
  test('is news: a change after our write, one where we wrote nothing, and a deletion', async () => {
    expect(own.isOwn(path, 3)).toBe(false);
    await write(7);
    expect(own.isOwn(path, 8)).toBe(false);
    await write(9);
    expect(own.isOwn(path, undefined)).toBe(false);
    expect(own.newerThan(path, undefined)).toBeUndefined();
  });

  test('is news after a write that failed', async () => {
    await expect(own.during(path, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    expect(own.isOwn(path, 8)).toBe(false);
  });
});
