import { createLogUpdate } from 'log-update';
import { span } from './status-table.ts';

/** Progress of an import: a bar with rate and time left on a terminal, a line now and then elsewhere. */

export type Counts = { readonly accepted: number; readonly duplicates: number; readonly refused: number };

export type Progress = {
  show(counts: Counts, bytes: number): void;
  /** Why nothing moves at the moment. */
  waiting(counts: Counts, bytes: number, why: string): void;
  close(): void;
};

const drawEveryMs = 100;
const lineEveryMs = 5_000;

export function openProgress(stream: NodeJS.WriteStream, totalBytes: number, nowMs: () => number): Progress {
  const startedMs = nowMs();
  const draw = stream.isTTY ? createLogUpdate(stream) : undefined;
  let shownMs = startedMs;
  const show = (counts: Counts, bytes: number, why: string | undefined) => {
    if (why === undefined && nowMs() - shownMs < (draw === undefined ? lineEveryMs : drawEveryMs)) return;
    shownMs = nowMs();
    const line = progressLine({ counts, bytes, totalBytes, elapsedMs: nowMs() - startedMs, why }, stream.columns ?? 100);
    if (draw === undefined) stream.write(`${line}\n`);
    else draw(line);
  };
  return {
    show: (counts, bytes) => show(counts, bytes, undefined),
    waiting: (counts, bytes, why) => show(counts, bytes, why),
    close: () => draw?.clear(),
  };
}

type Moment = {
  readonly counts: Counts;
  readonly bytes: number;
  readonly totalBytes: number;
  readonly elapsedMs: number;
  readonly why: string | undefined;
};

/** `██████░░░░ 61 %  30,500 leads  9,800/s  2.1 s left  12 duplicates  3 refused` */
export function progressLine({ counts, bytes, totalBytes, elapsedMs, why }: Moment, columns: number): string {
  const done = totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes);
  const leads = counts.accepted + counts.duplicates + counts.refused;
  const width = Math.max(10, Math.min(30, columns - 70));
  const filled = Math.round(done * width);
  const parts = [`${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${Math.floor(done * 100)} %`, `${leads} leads`];
  if (elapsedMs > 0) parts.push(`${Math.round((leads * 1_000) / elapsedMs)}/s`);
  if (why !== undefined) parts.push(why);
  else if (done > 0 && done < 1 && elapsedMs > 500) parts.push(`${span((elapsedMs * (1 - done)) / done)} left`);
  if (counts.duplicates > 0) parts.push(`${counts.duplicates} duplicates`);
  if (counts.refused > 0) parts.push(`${counts.refused} refused`);
  return parts.join('  ').slice(0, columns - 1);
}
