import { type Figure, type Goal, reached } from './figure.ts';

/** Figures for people: what was reached, what was wanted, and how it compares with plain SQL; definitions below. */
export function tableOf(figures: readonly Figure[]): string {
  const head = ['figure', 'measured', 'wanted', '', 'plain SQL', 'ratio'];
  const rows = figures.map((figure) => [
    figure.name,
    `${rounded(figure.value)} ${figure.unit}`,
    figure.goal === undefined ? '' : wanted(figure.goal),
    { true: 'reached', false: 'MISSED', undefined: '' }[String(reached(figure)) as 'true' | 'false' | 'undefined'],
    figure.anchor === undefined ? '' : `${rounded(figure.anchor.value)} ${figure.unit}`,
    figure.anchor === undefined ? '' : (figure.value / figure.anchor.value).toFixed(2),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const words = figures.map(({ name, definition, anchor }) => {
    const beside = anchor === undefined ? '' : ` Plain SQL: ${anchor.what}.`;
    return `${name}: ${definition}.${beside}`;
  });
  return [...lines, '', ...words].join('\n');
}

function wanted(goal: Goal): string {
  return 'atLeast' in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`;
}

function rounded(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}
