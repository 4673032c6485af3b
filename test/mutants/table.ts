import type { Mutant } from './mutant.ts';
import type { Verdict } from './verdict.ts';

/** The outcome of all mutants as a part of a page, between two marks. */

export type Outcome = { readonly mutant: Mutant; readonly verdict: Verdict; readonly seconds: number };

/** How a verdict begins that is not one of being caught. */
const notCaught = ' | **';

const marks = { begin: '<!-- mutants: begin -->', end: '<!-- mutants: end -->' } as const;

/** The page with these outcomes, in the order of `names`: a mutant that was not tried now keeps the row of its last run. */
export function withOutcomes(page: string, names: readonly string[], outcomes: readonly Outcome[]): string {
  const [from, to] = [page.indexOf(marks.begin), page.indexOf(marks.end)];
  if (from === -1 || to < from) throw new Error(`the page lacks the marks ${marks.begin} and ${marks.end}`);
  const former = page
    .slice(from, to)
    .split('\n')
    .filter((line) => line.startsWith('| '));
  const rows = new Map(former.map((line) => [line.slice(2, line.indexOf(' |', 2)), line]));
  for (const outcome of outcomes) rows.set(outcome.mutant.name, rowOf(outcome));
  const table = tableOf(names.flatMap((name) => rows.get(name) ?? []));
  return `${page.slice(0, from)}${marks.begin}\n\n${table}\n\n${page.slice(to)}`;
}

function tableOf(rows: readonly string[]): string {
  const caught = rows.filter((line) => !line.includes(notCaught)).length;
  const head = ['| mistake | what goes wrong with it | caught by | seconds |', '| --- | --- | --- | --- |'];
  return [`${caught} of ${rows.length} mistakes caught.`, '', ...head, ...rows].join('\n');
}

function rowOf({ mutant, verdict, seconds }: Outcome): string {
  return row([mutant.name, mutant.breaks, tellVerdict(verdict), String(Math.max(1, Math.round(seconds)))]);
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
