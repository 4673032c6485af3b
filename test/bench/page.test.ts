import { expect, test } from 'vitest';
import { pageOf, plotsOf } from '../../bench/page.ts';
import { drawPlot } from '../../bench/plot.ts';
import type { StoredFigure } from '../../bench/results.ts';

const point = (line: string, at: string) => ({ plot: 'Speed by size', axis: 'queued', line, at });
const figures: readonly StoredFigure[] = [
  { name: 'ours at 1', definition: 'how fast it is', unit: '/s', value: 100, point: point('ours', '1') },
  { name: 'ours at 2', definition: 'how fast it is', unit: '/s', value: 90, point: point('ours', '2') },
  { name: 'theirs at 2', definition: 'how fast it is', unit: '/s', value: null, point: point('<theirs>', '2') },
  { name: 'slower', definition: 'how much slower', unit: '×', value: 1.4, goal: { atMost: 1.3 }, reached: false },
];

test('figures that stand in one plot become its lines, with a gap where there is none', () => {
  expect(plotsOf(figures)).toEqual([
    {
      title: 'Speed by size',
      axis: 'queued',
      unit: '/s',
      places: ['1', '2'],
      lines: [
        { name: 'ours', values: [100, 90] },
        { name: '<theirs>', values: [undefined, undefined] },
      ],
    },
  ]);
});

test('a plot is drawn to scale, and what is written in it cannot break out of it', () => {
  const svg = plotsOf(figures).map(drawPlot).join('');
  expect([...svg.matchAll(/height="(\d+)" fill="#3b78c4"/g)].map(([, height]) => Number(height)).slice(0, 2)).toEqual([200, 180]);
  expect(svg).toContain('&lt;theirs&gt;');
  expect(svg).not.toContain('<theirs>');
});

test('the page names what was missed, says each definition once, and shows every plot', () => {
  const page = pageOf({
    node: 'v24',
    cores: 2,
    benches: { growth: { at: '2030-01-01T00:00:00Z', seconds: 30, load: 1, figures: [...figures] } },
  });
  expect(page).toContain('| slower | 1.40 × | ≤ 1.3 | **missed** |');
  expect(page).toContain('| theirs at 2 | none |');
  expect(page).toContain('![Speed by size](benchmarks/speed-by-size.svg)');
  expect(page.split('how fast it is').length).toBe(2);
});
