import type { ClassView, PoolView, ProjectView, SubscriptionView } from '../capacity/view.ts';
import type { PoolAnswer } from './pool-answer.ts';

/** The pool as tables for a terminal: pure, so that tests can read them. */

/** A view older than this means that no dispatcher is at work. */
const staleMs = 5_000;

export function statusLines({ pool, view, ageMs, queued }: PoolAnswer): readonly string[] {
  if (view === null) {
    const waiting = Object.entries(queued).map(([name, count]) => `${name} ${count}`);
    return [`${pool}: no dispatcher has been at work yet`, ...(waiting.length === 0 ? [] : [`queued: ${waiting.join(', ')}`])];
  }
  return [
    headline(view, ageMs ?? 0),
    '',
    ...table(
      ['CLASS', 'PRIORITY', 'IN USE', 'LIMIT', 'RESERVED', 'QUEUED', 'OLDEST', 'WAIT P50', 'P95', 'LEFT/MIN'],
      view.classes.map((one) => classRow(one, queued[one.name] ?? 0)),
    ),
    '',
    ...table(
      ['SUBSCRIPTION', 'IN USE', 'CEILING', 'LIMIT', 'COOLING', 'KEPT FREE', 'FOREIGN', 'LAG'],
      view.subscriptions.map(subscriptionRow),
    ),
    '',
    ...table(['PROJECT', 'SUBSCRIPTION', 'IN USE', 'PAUSED'], view.projects.map(projectRow)),
  ];
}

function headline(view: PoolView, ageMs: number): string {
  const parts = [
    `${view.pool}: ${view.slots.inUse} of ${view.slots.ceiling} slots in use`,
    `inbound ${view.directions.Inbound.inUse}`,
    `outbound ${view.directions.Outbound.inUse}`,
    `${view.callsPerSecond} calls/s`,
  ];
  if (view.mode !== 'Active') parts.push(`mode ${view.mode}`);
  if (view.guard !== undefined) parts.push(`GUARDED (${view.guard.reason}): listing the calls of ${view.guard.unlisted.join(', ')}`);
  if (view.holds.pool) parts.push('ON HOLD');
  if (view.holds.classes.length > 0) parts.push(`on hold: ${view.holds.classes.join(', ')}`);
  if (ageMs > staleMs) parts.push(`NO DISPATCHER for ${span(ageMs)}`);
  return parts.join('  ');
}

function classRow(one: ClassView, queued: number): readonly string[] {
  const { name, priority, inUse, limit, reserved, oldestWaitMs, waitMs, leftPerMinute } = one;
  const waits = [oldestWaitMs, waitMs?.p50 ?? null, waitMs?.p95 ?? null].map((ms) => (ms === null ? '-' : span(ms)));
  return [name, `${priority}`, `${inUse}`, `${limit ?? '-'}`, `${reserved}`, `${queued}`, ...waits, `${leftPerMinute}`];
}

function subscriptionRow(one: SubscriptionView): readonly string[] {
  const limit = one.learnedLimit === null || one.learnedLimit === one.limit ? `${one.limit}` : `${one.limit} (learned ${one.learnedLimit})`;
  return [one.name, `${one.inUse}`, `${one.ceiling}`, limit, `${one.cooling}`, `${one.withheld}`, `${one.foreign}`, span(one.releaseLagMs)];
}

function projectRow(one: ProjectView): readonly string[] {
  return [one.name, one.subscription, `${one.inUse}`, one.paused ?? '-'];
}

/** Columns as wide as their widest cell; the first is aligned to the left, figures to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const figures = header.map((_, column) => rows.every((row) => /^[\d-]/.test(row[column] ?? '-')));
  return all.map((row) =>
    row
      .map((cell, column) => (figures[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** A span in the two digits that matter. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}
