import type { Reading } from './readings.ts';

/** What is said about a long run: how the end of it compares with its beginning. */
export type Flatness = {
  readonly name: string;
  readonly unit: string;
  readonly first: number;
  readonly last: number;
  readonly ratio: number;
};

const aspects: readonly { readonly name: string; readonly unit: string; readonly of: (reading: Reading) => number }[] = [
  { name: 'calls per second', unit: '/s', of: (reading) => reading.callsPerSecond },
  { name: 'wait p50', unit: 'ms', of: (reading) => reading.waitMs.p50 },
  { name: 'wait p99', unit: 'ms', of: (reading) => reading.waitMs.p99 },
  { name: 'admission to sending p50', unit: 'ms', of: (reading) => reading.dispatchMs.p50 },
  { name: 'admission to sending p99', unit: 'ms', of: (reading) => reading.dispatchMs.p99 },
  { name: 'largest worker', unit: 'MB', of: (reading) => reading.workerMb },
  { name: 'tables of what goes on', unit: 'MB', of: (reading) => reading.workingMb },
  { name: 'tables of what is kept, per session', unit: 'B', of: (reading) => reading.keptBytesPerSession },
];

/** Medians of the first and the last quarter. The first two readings are left out: the pool fills its lines and warms up. */
export function flatnessOf(readings: readonly Reading[]): readonly Flatness[] {
  const steady = readings.slice(2);
  const quarter = Math.max(1, Math.floor(steady.length / 4));
  return aspects.map(({ name, unit, of }) => {
    const first = median(steady.slice(0, quarter).map(of));
    const last = median(steady.slice(-quarter).map(of));
    return { name, unit, first, last, ratio: last / first };
  });
}

export function tableOf(flatness: readonly Flatness[]): string {
  const rows = flatness.map(
    ({ name, unit, first, last, ratio }) => `| ${name} | ${round(first)} ${unit} | ${round(last)} ${unit} | ${ratio.toFixed(2)} |`,
  );
  return ['| what | first quarter | last quarter | ratio |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
