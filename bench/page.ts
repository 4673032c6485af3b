import { mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { drawPlot, type Plot } from './plot.ts';
import type { Results, StoredFigure } from './results.ts';
import { unitValue, wanted } from './table.ts';

/** The page of the last results, `docs/benchmarks.md`, with its plots beside it. Written by the bench, never by hand. */

const docs = new URL('../docs/', import.meta.url);

export async function writePage(results: Results): Promise<void> {
  const plots = new URL('benchmarks/', docs);
  await rm(plots, { recursive: true, force: true });
  await mkdir(plots, { recursive: true });
  for (const plot of Object.values(results.benches).flatMap(({ figures }) => plotsOf(figures))) {
    await writeFile(fileURLToPath(new URL(`${fileName(plot)}.svg`, plots)), drawPlot(plot));
  }
  await writeFile(fileURLToPath(new URL('benchmarks.md', docs)), pageOf(results));
}

/** The page as Markdown. */
export function pageOf(results: Results): string {
  const benches = Object.entries(results.benches);
  const minutes = benches.reduce((sum, [, { seconds }]) => sum + seconds, 0) / 60;
  return [
    '# Benchmarks',
    '',
    '<!-- Written by `npm run bench`: changes made here are lost. -->',
    '',
    `Node ${results.node}, ${results.cores} cores, embedded PostgreSQL with durable commits; measured in ${minutes.toFixed(1)} minutes. What is behind the figures is said in`,
    '[performance.md](performance.md).',
    '',
    ...benches.flatMap(([name, { at, seconds, load, figures }]) => [
      `## ${name}`,
      '',
      `${at.slice(0, 16).replace('T', ' ')} UTC, ${seconds.toFixed(0)} s; load of the machine before it: ${load.toFixed(1)}.`,
      '',
      ...plotsOf(figures).flatMap((plot) => [`![${plot.title}](benchmarks/${fileName(plot)}.svg)`, '']),
      ...tableOf(figures),
      '',
      ...definitionsOf(figures),
    ]),
  ].join('\n');
}

function tableOf(figures: readonly StoredFigure[]): readonly string[] {
  return [
    '| figure | measured | wanted | | beside it | ratio |',
    '| --- | --- | --- | --- | --- | --- |',
    ...figures.map(({ name, value, unit, goal, anchor, reached }) => {
      const verdict = reached === undefined ? '' : reached ? 'reached' : '**missed**';
      const ratio = anchor === undefined || value === null || !anchor.value ? '' : (value / anchor.value).toFixed(2);
      const beside = anchor === undefined ? '' : unitValue(anchor.value, unit);
      return `| ${name} | ${unitValue(value, unit)} | ${goal === undefined ? '' : wanted(goal)} | ${verdict} | ${beside} | ${ratio} |`;
    }),
  ];
}

/** Each definition once, after all the figures that share it. */
function definitionsOf(figures: readonly StoredFigure[]): readonly string[] {
  const said = new Map<string, string[]>();
  for (const { name, definition, anchor } of figures) {
    const sentence = `${definition}.${anchor === undefined ? '' : ` Beside it: ${anchor.what}.`}`;
    said.set(sentence, [...(said.get(sentence) ?? []), name]);
  }
  return [...said].flatMap(([sentence, names]) => [`- **${names.join('; ')}**: ${sentence}`]).concat('');
}

/** Plots of all figures that say where they stand in one, in the order in which they come. */
export function plotsOf(figures: readonly StoredFigure[]): readonly Plot[] {
  const titles = new Set(figures.flatMap(({ point }) => point?.plot ?? []));
  return [...titles].map((title) => {
    const points = figures.flatMap(({ point, value, unit }) => (point?.plot === title ? [{ ...point, value, unit }] : []));
    const places = [...new Set(points.map(({ at }) => at))];
    const lines = [...new Set(points.map(({ line }) => line))];
    return {
      title,
      axis: points[0]?.axis ?? '',
      unit: points[0]?.unit ?? '',
      places,
      lines: lines.map((name) => ({
        name,
        values: places.map((place) => points.find(({ line, at }) => line === name && at === place)?.value ?? undefined),
      })),
    };
  });
}

const fileName = ({ title }: Plot) =>
  title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
