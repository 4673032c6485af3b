/** The figures as a part of a page, between two marks. */

export type Recovery = {
  readonly name: string;
  readonly measures: string;
  readonly atMostMs: number;
  /** What was measured, or why it could not be: each time. */
  readonly taken: readonly (number | string)[];
};

const marks = { begin: '<!-- recovery: begin -->', end: '<!-- recovery: end -->' } as const;

export function isReached({ taken, atMostMs }: Recovery): boolean {
  return taken.length > 0 && taken.every((one) => typeof one === 'number' && one <= atMostMs);
}

export function tableOf(recoveries: readonly Recovery[]): string {
  return [
    '| what happens | from where to where | measured | wanted |',
    '| --- | --- | --- | --- |',
    ...recoveries.map((one) => {
      const taken = one.taken.map((ms) => (typeof ms === 'number' ? seconds(ms) : ms)).join(', ');
      return `| ${one.name} | ${one.measures} | ${taken} | ≤ ${seconds(one.atMostMs)}${isReached(one) ? '' : ', **missed**'} |`;
    }),
  ].join('\n');
}

/** The page with another table. */
export function withTable(page: string, table: string): string {
  const [from, to] = [page.indexOf(marks.begin), page.indexOf(marks.end)];
  if (from === -1 || to < from) throw new Error(`the page lacks the marks ${marks.begin} and ${marks.end}`);
  return `${page.slice(0, from)}${marks.begin}\n\n${table}\n\n${page.slice(to)}`;
}

const seconds = (ms: number) => `${(Math.round(ms / 10) / 100).toFixed(2)} s`;
