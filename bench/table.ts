import type { Goal } from './figure.ts';
import type { StoredFigure } from './results.ts';

/** Figures for people: what was reached, what was wanted, and how it compares with what was measured beside it; definitions below. */
export function tableOf(figures: readonly StoredFigure[]): string {
  const head = ['figure', 'measured', 'wanted', '', 'beside it', 'ratio'];
  const rows = figures.map(({ name, value, unit, goal, anchor, reached }) => [
    name,
    unitValue(value, unit),
    goal === undefined ? '' : wanted(goal),
    reached === undefined ? '' : reached ? 'reached' : 'MISSED',
    anchor === undefined ? '' : unitValue(anchor.value, unit),
    anchor === undefined || value === null || !anchor.value ? '' : (value / anchor.value).toFixed(2),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const words = new Set(
    figures.map(({ name, point, definition, anchor }) => {
      const beside = anchor === undefined ? '' : ` Beside it: ${anchor.what}.`;
      return `${point?.plot ?? name}: ${definition}.${beside}`;
    }),
  );
  return [...lines, '', ...words].join('\n');
}

export function wanted(goal: Goal): string {
  return 'atLeast' in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`;
}

/** A value with its unit, no more exact than it is. */
export function unitValue(value: number | null, unit: string): string {
  if (value === null) return 'none';
  const digits = value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(value >= 10 ? 1 : 2);
  return unit === '' ? digits : `${digits} ${unit}`;
}
