import type { ClassView, DecisionView, PoolView, SubscriptionView } from '../capacity/view.ts';
import { blockedText } from './blocked-text.ts';

/** A run at one instant, drawn as text: pure, so that what a terminal shows can be tested without one. */
export type Frame = {
  readonly pool: string;
  readonly phase: 'running' | 'finishing';
  readonly elapsedMs: number;
  readonly workers: { readonly serving: number; readonly size: number; readonly crashes: number };
  readonly seen: { readonly view: PoolView; readonly ageMs: number } | undefined;
  /** Why nothing can be shown, when nothing can. */
  readonly trouble: string | undefined;
};

/** A view older than this means that no dispatcher is at work. */
const staleMs = 3_000;
const nameWidth = 14;

/** The picture: never wider or higher than the terminal. What does not fit is left out from the bottom. */
export function frameLines(frame: Frame, size: { readonly columns: number; readonly rows: number }): readonly string[] {
  const columns = Math.max(20, Math.min(size.columns, 100));
  const lines = [heading(frame), ...body(frame, columns)];
  return lines.slice(0, Math.max(1, size.rows - 1)).map((line) => shortened(line, columns - 1));
}

/** The same in one line, for logs. */
export function frameLine(frame: Frame): string {
  if (frame.trouble !== undefined) return `${clock(frame.elapsedMs)} ${frame.trouble}`;
  if (frame.seen === undefined) return `${clock(frame.elapsedMs)} no dispatcher has spoken yet`;
  const { view } = frame.seen;
  const classes = view.classes.map((one) => `${one.name} ${one.inUse} live ${one.queued} queued${waitOf(one)}`);
  const parts = [`slots ${view.slots.inUse}/${view.slots.ceiling}`, `${view.callsPerSecond} calls/s`, ...classes];
  if (frame.seen.ageMs > staleMs) parts.push(`no dispatcher for ${Math.round(frame.seen.ageMs / 1_000)} s`);
  if (frame.workers.serving < frame.workers.size) parts.push(`${frame.workers.serving}/${frame.workers.size} workers`);
  return `${clock(frame.elapsedMs)} ${parts.join(' · ')}`;
}

function heading(frame: Frame): string {
  const crashes = frame.workers.crashes === 0 ? '' : `, ${frame.workers.crashes} ended and came back`;
  return `${frame.pool}  ${frame.phase} ${clock(frame.elapsedMs)}  ${frame.workers.serving}/${frame.workers.size} workers${crashes}`;
}

function body(frame: Frame, columns: number): readonly string[] {
  if (frame.trouble !== undefined) return [frame.trouble];
  if (frame.seen === undefined) return ['waiting for the dispatcher'];
  const { view, ageMs } = frame.seen;
  const state = ageMs > staleMs ? `no dispatcher for ${Math.round(ageMs / 1_000)} s` : stateOf(view);
  const barWidth = Math.max(8, Math.min(40, columns - nameWidth - 52));
  return [
    `slots ${view.slots.inUse} of ${view.slots.ceiling} usable (${view.slots.limit} declared)  ${view.callsPerSecond} calls/s  ${state}`,
    '',
    ...view.subscriptions.map((one) => subscriptionLine(one, barWidth)),
    ...view.projects.filter((one) => one.paused !== null).map((one) => `  ${one.name} paused: ${one.paused}`),
    '',
    ...view.classes.flatMap((one) => classLines(one, view.slots.ceiling, barWidth)),
    '',
    ...view.decisions.slice(0, 8).map((one) => decisionLine(one, view.atMs)),
  ];
}

function stateOf(view: PoolView): string {
  if (view.holds.pool) return 'ON HOLD';
  if (view.mode !== 'Active') return view.mode.toUpperCase();
  return view.holds.classes.length === 0 ? '' : `on hold: ${view.holds.classes.join(', ')}`;
}

function subscriptionLine(one: SubscriptionView, width: number): string {
  const notes = [
    one.cooling > 0 ? `${one.cooling} cooling` : '',
    one.withheld > 0 ? `${one.withheld} kept` : '',
    one.foreign > 0 ? `${one.foreign} foreign` : '',
    one.probing ? 'probing' : '',
  ].filter((note) => note !== '');
  return `${named(one.name)} ${bar(one.inUse, one.ceiling, width)} ${counts(one.inUse, one.ceiling)}  ${notes.join(', ')}`;
}

function classLines(one: ClassView, ceiling: number, width: number): readonly string[] {
  const room = one.limit ?? ceiling;
  const queue = one.queued === 0 ? '' : `${one.queued} queued`;
  const notes = [queue, one.reserved > 0 ? `${one.reserved} reserved` : ''].filter((note) => note !== '');
  const first = `${named(one.name)} ${bar(one.inUse, room, width)} ${counts(one.inUse, one.limit)}  ${notes.join(', ')}${waitOf(one)}`;
  return one.blocked === null || one.queued === 0 ? [first] : [first, `${' '.repeat(nameWidth + 1)}waits: ${blockedText(one.blocked)}`];
}

function waitOf(one: ClassView): string {
  return one.waitMs === null ? '' : ` wait ${span(one.waitMs.p50)}/${span(one.waitMs.p99)}`;
}

function decisionLine(one: DecisionView, nowMs: number): string {
  const ago = span(Math.max(0, nowMs - one.atMs)).padStart(6);
  const what = one.project === null ? `waits: ${one.why === null ? 'unknown' : blockedText(one.why)}` : `→ ${one.project}`;
  return `${ago} ago  ${named(one.class)} ${one.session.slice(-6)} ${what}`;
}

function bar(used: number, room: number, width: number): string {
  const filled = room <= 0 ? 0 : Math.min(width, Math.round((used / room) * width));
  return `${'█'.repeat(filled)}${'·'.repeat(width - filled)}`;
}

function counts(used: number, room: number | null): string {
  return (room === null ? `${used}` : `${used}/${room}`).padStart(7);
}

function named(name: string): string {
  return (name.length > nameWidth ? `${name.slice(0, nameWidth - 1)}…` : name).padEnd(nameWidth);
}

function shortened(line: string, columns: number): string {
  const text = line.trimEnd();
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const two = (figure: number): string => String(figure).padStart(2, '0');
  const minutes = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds < 3_600 ? minutes : `${Math.floor(seconds / 3_600)}:${minutes}`;
}

function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}
