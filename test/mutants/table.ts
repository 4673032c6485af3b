import type { Mutant } from './mutant.ts';
import type { Verdict } from './verdict.ts';

/** The outcome of all mutants as a part of a page, between two marks. */

export type Outcome = { readonly mutant: Mutant; readonly verdict: Verdict; readonly seconds: number };

const marks = { begin: '<!-- mutants: begin -->', end: '<!-- mutants: end -->' } as const;

export function tableOf(outcomes: readonly Outcome[]): string {
  const caught = outcomes.filter(({ verdict }) => verdict.kind === 'caught').length;
  return [
    `${caught} of ${outcomes.length} mistakes caught.`,
    '',
    '| mistake | what goes wrong with it | caught by | seconds |',
    '| --- | --- | --- | --- |',
    ...outcomes.map(({ mutant, verdict, seconds }) =>
      row([mutant.name, mutant.breaks, tellVerdict(verdict), String(Math.max(1, Math.round(seconds)))]),
    ),
  ].join('\n');
}

/** The page with another table. */
export function withTable(page: string, table: string): string {
  const [from, to] = [page.indexOf(marks.begin), page.indexOf(marks.end)];
  if (from === -1 || to < from) throw new Error(`the page lacks the marks ${marks.begin} and ${marks.end}`);
  return `${page.slice(0, from)}${marks.begin}\n\n${table}\n\n${page.slice(to)}`;
}

export function tellVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'caught':
      return `[${verdict.test}](../${verdict.file})`;
    case 'survived':
      return '**nothing: a test is missing**';
    case 'broken':
      return '**does not run at all**';
    case 'too-slow':
      return '**not in time**';
  }
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
