import type { Percentiles } from '../capacity/view.ts';
import type { ClassSummary, LedgerSummary } from '../ledger/summary.ts';
import type { Report } from '../simulator/contract.ts';

/**
 * The sum of a run. What the provider saw is counted by the simulator; against a real provider nobody counts it independently, and those figures are
 * null rather than zero.
 */
export type Summary = {
  readonly pool: string;
  readonly seconds: number;
  /** Sessions that entered the pool, from the intake or by a call that came in. */
  readonly accepted: number;
  readonly ended: Readonly<Record<string, number>>;
  readonly queued: number;
  readonly live: number;
  /** Acknowledged sessions that are neither queued, nor live, nor in one terminal state; null when nobody else kept a list. */
  readonly lost: number | null;
  readonly classes: Readonly<Record<string, ClassSummary>>;
  readonly subscriptions: Report['subscriptions'] | null;
  readonly callsPerSecondPeak: number | null;
  readonly duplicateDials: number | null;
  readonly inboundArrivals: number | null;
  readonly inboundRefusedAtProvider: number | null;
  readonly inboundLateAnswers: number | null;
  readonly reservedAnswerMs: Percentiles | null;
  readonly requestRateRefusals: number | null;
  readonly violations: readonly string[] | null;
  readonly dispatchMs: Percentiles | null;
  /** The most that ran at the same time. */
  readonly workers: number;
  readonly workerCrashes: number;
};

/** What the provider knows of the run. */
export type ProviderTruth = { readonly report: Report; readonly lost: number };

export function sumUp(run: {
  readonly pool: string;
  readonly seconds: number;
  readonly ledger: LedgerSummary;
  readonly provider: ProviderTruth | undefined;
  readonly workers: number;
  readonly workerCrashes: number;
}): Summary {
  const { ledger } = run;
  const report = run.provider?.report;
  return {
    pool: run.pool,
    seconds: Math.round(run.seconds * 10) / 10,
    accepted: ledger.accepted,
    ended: ledger.ended,
    queued: ledger.queued,
    live: ledger.live,
    lost: run.provider?.lost ?? null,
    classes: ledger.classes,
    subscriptions: report?.subscriptions ?? null,
    callsPerSecondPeak: report?.callsPerSecondPeak ?? null,
    duplicateDials: report?.duplicateDials ?? null,
    inboundArrivals: report?.inboundArrivals ?? null,
    inboundRefusedAtProvider: report?.inboundRefusedAtProvider ?? null,
    inboundLateAnswers: report?.inboundLateAnswers ?? null,
    reservedAnswerMs: report?.reservedAnswerMs ?? null,
    requestRateRefusals: report?.requestRateRefusals ?? null,
    violations: report?.violations ?? null,
    dispatchMs: ledger.dispatchMs,
    workers: run.workers,
    workerCrashes: run.workerCrashes,
  };
}

/** The sum for a person: a few lines and two small tables, within 80 columns. */
export function summaryText(summary: Summary): string {
  const ended = Object.entries(summary.ended).map(([outcome, sessions]) => `${outcome} ${sessions}`);
  const lines = [
    `Pool ${summary.pool}: ${summary.seconds} s, ${summary.workers} workers`,
    `  sessions   ${summary.accepted} accepted, ${summary.queued} still queued, ${summary.live} live, ${shown(summary.lost)} lost`,
    ...wrapped('  ended      ', ended.length === 0 ? ['none'] : ended),
    '',
    table(
      ['class', 'admitted', 'ended', 'abandoned', 'peak', 'wait p50', 'p95', 'p99 (ms)'],
      Object.entries(summary.classes).map(([name, one]) => [
        name,
        one.admitted,
        one.ended,
        one.abandoned,
        one.peak,
        ...percentileCells(one.waitMs),
      ]),
    ),
  ];
  if (summary.subscriptions !== null) {
    const rows = Object.entries(summary.subscriptions).map(([name, one]) => {
      const use = one.utilizationWhileBacklogged;
      return [name, one.limit, one.peak, one.overLimitRefusals, use === null ? '-' : `${(use * 100).toFixed(1)} %`];
    });
    lines.push('', table(['subscription', 'limit', 'peak', 'refused', 'use while backlogged'], rows));
    lines.push(
      '',
      `  provider   ${shown(summary.duplicateDials)} duplicate dials, ${shown(summary.callsPerSecondPeak)} calls/s at most`,
      `  inbound    ${shown(summary.inboundArrivals)} arrived, ${shown(summary.inboundRefusedAtProvider)} refused at the provider, ${shown(summary.inboundLateAnswers)} answered late`,
    );
  }
  if (summary.violations !== null && summary.violations.length > 0) {
    lines.push('', 'The simulator saw violations of the published API:', ...summary.violations.slice(0, 10).map((text) => `  ${text}`));
  }
  return lines.join('\n');
}

function percentileCells(figures: Percentiles | null): readonly (string | number)[] {
  if (figures === null) return ['-', '-', '-'];
  return [Math.round(figures.p50), Math.round(figures.p95), Math.round(figures.p99)];
}

function shown(figure: number | null): string {
  return figure === null ? 'unknown' : String(Math.round(figure * 10) / 10);
}

/** A table with the first column left and the others right-aligned. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ');
  return cells.map((row) => `  ${line(row)}`.trimEnd()).join('\n');
}

/** Items after a label, wrapped at 78 columns under each other. */
function wrapped(label: string, items: readonly string[]): readonly string[] {
  const lines: string[] = [];
  let line = label;
  for (const [index, item] of items.entries()) {
    const text = index === items.length - 1 ? item : `${item}, `;
    if (line.length + text.trimEnd().length > 78 && line !== label) {
      lines.push(line.trimEnd());
      line = ' '.repeat(label.length);
    }
    line += text;
  }
  return [...lines, line.trimEnd()];
}
