import { once } from 'node:events';
import type { Response } from 'express';
import type { Metrics } from '../metrics.ts';
import { Problem, type ProblemKind, statusOf } from './problem.ts';

/** The answer to an import, written while it runs: one line per line, then a summary. */

/** A line that was refused; on the wire, its status stands for the kind. */
export type LineError = {
  readonly kind: ProblemKind;
  readonly field?: string;
  readonly detail: string;
  readonly retryAfterSeconds?: number;
};
export type Answer =
  | { readonly line: number; readonly id: string; readonly state: string; readonly duplicate?: true }
  | { readonly line: number; readonly error: LineError };

export type Report = {
  /** Writes answers, and waits until the client has read enough of them. */
  answer(answers: readonly Answer[]): Promise<void>;
  begun(): boolean;
  /** Writes the summary; `incomplete` says why it ended before the last line. */
  end(incomplete?: string): void;
};

/** A client that does not read our answers for this long is given up. */
const patienceMs = 60_000;

/** `refused`: only lines that were refused or repeated are answered, for clients that do not read while they send. */
export function createReport(response: Response, told: 'all' | 'refused', metrics: Pick<Metrics, 'requestsRefused'>): Report {
  const summary = { lines: 0, accepted: 0, duplicates: 0, refused: 0 };
  const gone = new AbortController();
  response.once('close', () => gone.abort(new Error('the client is gone')));
  let begun = false;

  const begin = () => {
    if (begun) return;
    begun = true;
    response.status(200).type('application/x-ndjson').flushHeaders();
  };

  return {
    begun: () => begun,

    async answer(answers) {
      if (answers.length === 0) return;
      begin();
      for (const answer of answers) {
        summary.lines += 1;
        if ('error' in answer) {
          summary.refused += 1;
          metrics.requestsRefused.inc({ problem: answer.error.kind });
        } else if (answer.duplicate === true) summary.duplicates += 1;
        else summary.accepted += 1;
      }
      const shown = told === 'all' ? answers : answers.filter((answer) => 'error' in answer || answer.duplicate === true);
      const text = shown.map((answer) => `${JSON.stringify(onTheWire(answer))}\n`).join('');
      gone.signal.throwIfAborted();
      if (text === '' || response.write(text)) return;
      try {
        await once(response, 'drain', { signal: AbortSignal.any([gone.signal, AbortSignal.timeout(patienceMs)]) });
      } catch (error) {
        throw new Problem('body-too-slow', { detail: `the answers were not read: ${String(gone.signal.reason ?? error)}` });
      }
    },

    end(incomplete) {
      begin();
      response.end(`${JSON.stringify({ summary: { ...summary, ...(incomplete === undefined ? {} : { incomplete }) } })}\n`);
    },
  };
}

function onTheWire(answer: Answer): object {
  if (!('error' in answer)) return answer;
  const { kind, ...told } = answer.error;
  return { line: answer.line, error: { status: statusOf(kind), ...told } };
}
