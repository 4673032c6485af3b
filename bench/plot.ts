/** Plots as SVG, drawn by hand: bars in groups, one group for every place of the axis. */

export type Plot = {
  readonly title: string;
  readonly axis: string;
  readonly unit: string;
  /** In the order of the axis. */
  readonly places: readonly string[];
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[];
};

const width = 720;
const chart = { left: 60, right: 20, top: 44, height: 200 } as const;
const legendRow = 18;
const gridSteps = 4;
/** Told apart by people who see no red and green, too; in front of white and of black. */
const colours = ['#3b78c4', '#e0902f', '#59a89c', '#b0568f', '#8a8a3f', '#7a6fd0', '#c25b4e', '#6b7f8c'];

export function drawPlot(plot: Plot): string {
  const top = niceTop(Math.max(0, ...plot.lines.flatMap(({ values }) => values.filter((value) => value !== undefined))));
  const axisY = chart.top + chart.height;
  const legendTop = axisY + 48;
  const height = legendTop + plot.lines.length * legendRow + 6;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escaped(plot.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(chart.left, 22, `${plot.title}${plot.unit === '' ? '' : ` (${plot.unit})`}`, 'font-size="15" font-weight="600"'),
    ...grid(top),
    ...groups(plot, top),
    text((chart.left + width - chart.right) / 2, axisY + 36, plot.axis, 'text-anchor="middle" fill="#555555"'),
    ...plot.lines.flatMap(({ name }, index) => [
      `<rect x="${chart.left}" y="${legendTop + index * legendRow - 9}" width="10" height="10" fill="${colourOf(index)}"/>`,
      text(chart.left + 16, legendTop + index * legendRow, name),
    ]),
    '</svg>',
    '',
  ].join('\n');
}

function grid(top: number): readonly string[] {
  return Array.from({ length: gridSteps + 1 }, (_, step) => {
    const y = round(chart.top + chart.height * (1 - step / gridSteps));
    return [
      `<line x1="${chart.left}" x2="${width - chart.right}" y1="${y}" y2="${y}" stroke="${step === 0 ? '#555555' : '#dddddd'}"/>`,
      text(chart.left - 6, y + 4, label((top * step) / gridSteps), 'text-anchor="end" fill="#555555"'),
    ].join('\n');
  });
}

function groups({ places, lines }: Plot, top: number): readonly string[] {
  const group = (width - chart.left - chart.right) / Math.max(1, places.length);
  const bar = Math.min(60, (group * 0.8) / Math.max(1, lines.length));
  return places.flatMap((place, at) => {
    const middle = chart.left + group * (at + 0.5);
    const from = middle - (bar * lines.length) / 2;
    const bars = lines.flatMap(({ values }, index) => {
      const value = values[at];
      if (value === undefined) return [];
      const tall = (chart.height * value) / top;
      const [x, y] = [round(from + bar * index), round(chart.top + chart.height - tall)];
      return [
        `<rect x="${x}" y="${y}" width="${round(bar * 0.9)}" height="${round(tall)}" fill="${colourOf(index)}"/>`,
        text(x + bar * 0.45, y - 3, label(value), 'text-anchor="middle" font-size="10" fill="#333333"'),
      ];
    });
    return [...bars, text(middle, chart.top + chart.height + 17, place, 'text-anchor="middle"')];
  });
}

const colourOf = (index: number) => colours[index % colours.length] ?? '#000000';

/** The next of 1, 2, 2.5, 5 and 10 times a power of ten. */
function niceTop(largest: number): number {
  if (largest <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(largest));
  return (([1, 2, 2.5, 5] as const).find((step) => step * power >= largest) ?? 10) * power;
}

export function label(value: number): string {
  if (value >= 10_000) return `${Number((value / 1_000).toFixed(1))} k`;
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2);
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}"${attributes === '' ? '' : ` ${attributes}`}>${escaped(content)}</text>`;
}

const round = (value: number) => Number(value.toFixed(1));
const escaped = (content: string) => content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
