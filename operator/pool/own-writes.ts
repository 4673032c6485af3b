import type { Applied } from '../runtime/apply.ts';
import type { Clock } from '../runtime/clock.ts';
import { versionNumber } from './resources.ts';

/**
 * What was written and not yet shown by a watch. A watch tells of our own write a moment before or after its answer: until then the answer counts, lest the
 * object be written twice, and what it tells then is no news.
 */
export type OwnWrites = {
  /** Runs a write, and keeps its answer until a watch has shown it. A write that fails has to be tried again: what was seen meanwhile was not told. */
  readonly during: (path: string, write: () => Promise<Applied>) => Promise<void>;
  /** What we wrote, if that is newer than what a watch has shown. */
  readonly newerThan: (path: string, seenVersion: number | undefined) => unknown;
  /** Whether a watch has shown all of what was written there. */
  readonly haveSeen: (paths: readonly string[]) => boolean;
  /** A watch shows this version, or that the object is gone: whether that is a write of ours, or older than it. */
  readonly isOwn: (path: string, seenVersion: number | undefined) => boolean;
};

/** For so long at most an answer counts: what somebody deleted meanwhile is made again then. */
const answerCountsMs = 5_000;

type Written = { readonly object: unknown; readonly version: number; readonly atMs: number };

export function openOwnWrites(clock: Clock): OwnWrites {
  const written = new Map<string, Written>();
  /** Paths that are being written, with the newest version that a watch has shown meanwhile. */
  const writing = new Map<string, number>();

  return {
    during: async (path, write) => {
      writing.set(path, 0);
      try {
        const applied = await write();
        if (applied.changed === 'nothing') return;
        const version = versionNumber(applied.object);
        if (writing.get(path) !== version) written.set(path, { object: applied.object, version, atMs: clock.nowMs() });
      } finally {
        writing.delete(path);
      }
    },
    newerThan: (path, seenVersion = 0) => {
      const own = written.get(path);
      if (own === undefined) return undefined;
      if (seenVersion < own.version && clock.nowMs() - own.atMs < answerCountsMs) return own.object;
      written.delete(path);
      return undefined;
    },
    haveSeen: (paths) => paths.every((path) => !written.has(path)),
    isOwn: (path, seenVersion) => {
      if (seenVersion === undefined) {
        written.delete(path);
        return false;
      }
      if (writing.has(path)) {
        writing.set(path, seenVersion);
        return true;
      }
      const own = written.get(path);
      if (own === undefined) return false;
      if (seenVersion < own.version) return true;
      written.delete(path);
      return seenVersion === own.version;
    },
  };
}
