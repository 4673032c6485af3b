import type { Api } from './api.ts';
import { type Clock, type Random, sleep } from './clock.ts';
import { microTime } from './lease.ts';
import { listPath, objectPath } from './resource.ts';
import { openWorkQueue } from './work-queue.ts';

/**
 * Events that `kubectl describe` shows. What is said again becomes one series with a count, written twice a minute at most. They are for people and may
 * be lost: nothing waits for them, and what cannot be written after some tries is dropped.
 */
export type Events = {
  readonly say: (happening: Happening) => void;
  readonly ended: Promise<void>;
};

export type Happening = {
  readonly regarding: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  };
  readonly type: 'Normal' | 'Warning';
  /** A word that programs may compare. */
  readonly reason: string;
  /** What was done or tried, a word. */
  readonly action: string;
  readonly note: string;
};

type Series = { readonly happening: Happening; readonly name: string; lastMs: number; count: number; written: number; failures: number };

const resource = { apiVersion: 'events.k8s.io/v1', plural: 'events' };
/** Said again later than this, it is another event. */
const seriesEndsAfterMs = 360_000;
const betweenWritesMs = 30_000;
const maxSeries = 1_000;
const maxFailures = 5;
const maxNoteChars = 1_024;

/** Starts writing events, until the signal aborts. */
export function openEvents(
  api: Api,
  world: {
    readonly controller: string;
    readonly instance: string;
    readonly clock: Clock;
    readonly wallClock: () => number;
    readonly random: Random;
    readonly onError: (error: unknown) => void;
  },
  signal: AbortSignal,
): Events {
  const { clock, random } = world;
  const all = new Map<string, Series>();

  async function write(key: string): Promise<void> {
    const series = all.get(key);
    if (series === undefined || series.written === series.count) return;
    const { count, written } = series;
    if (written === 0) await create(series);
    else await recount(series, count);
    series.written = written === 0 ? 1 : count;
    series.failures = 0;
  }

  async function create({ happening, name }: Series): Promise<void> {
    const { regarding, type, reason, action, note } = happening;
    const body = {
      apiVersion: resource.apiVersion,
      kind: 'Event',
      metadata: { name, namespace: regarding.namespace },
      eventTime: microTime(world.wallClock()),
      reportingController: world.controller,
      reportingInstance: world.instance,
      regarding,
      type,
      reason,
      action,
      note: note.slice(0, maxNoteChars),
    };
    await api.request({ method: 'POST', path: listPath(resource, regarding.namespace), body }, signal);
  }

  async function recount({ happening, name }: Series, count: number): Promise<void> {
    const body = { series: { count, lastObservedTime: microTime(world.wallClock()) } };
    const path = objectPath(resource, happening.regarding.namespace, name);
    await api.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body }, signal);
  }

  const queue = openWorkQueue<string>(
    {
      concurrency: 1,
      clock,
      random,
      backoff: { firstMs: 1_000, longestMs: 60_000 },
      run: async (key) => {
        await write(key);
        const series = all.get(key);
        // Said again while the first one was on its way.
        if (series !== undefined && series.written < series.count) return { look: 'after', delayMs: betweenWritesMs };
        return { look: 'when-added' };
      },
      onError: (key, error) => {
        world.onError(error);
        const series = all.get(key);
        if (series !== undefined && ++series.failures >= maxFailures) all.delete(key);
      },
    },
    signal,
  );

  function say(happening: Happening): void {
    const key = JSON.stringify([happening.regarding.uid, happening.type, happening.reason, happening.action, happening.note]);
    const before = all.get(key);
    if (before !== undefined && clock.nowMs() - before.lastMs < seriesEndsAfterMs) {
      before.lastMs = clock.nowMs();
      before.count++;
      // One write is to come already when the series is ahead of what is written.
      if (before.written > 0 && before.count === before.written + 1) void sleep(clock, betweenWritesMs, signal).then(() => queue.add(key));
      return;
    }
    all.delete(key);
    const suffix = Math.floor(random() * 2 ** 48)
      .toString(16)
      .padStart(12, '0');
    const name = `${happening.regarding.name.slice(0, 200)}.${suffix}`;
    all.set(key, { happening, name, lastMs: clock.nowMs(), count: 1, written: 0, failures: 0 });
    for (const oldest of all.keys()) {
      if (all.size <= maxSeries) break;
      all.delete(oldest);
    }
    queue.add(key);
  }

  return { say, ended: queue.ended };
}
