import type { Request, Response } from 'express';
import { z } from 'zod';
import type { ClassName } from '../../crds/values.ts';
import type { NewSession } from '../../ledger/sessions/insert.ts';
import type { TokenScope } from '../../ledger/tokens.ts';
import { acceptSession, type Rules } from './accept.ts';
import { inBatches } from './batches.ts';
import { chunksOf, requireType } from './body.ts';
import { csvLines } from './import-csv.ts';
import { type ImportLine, ndjsonLines } from './import-lines.ts';
import { type Answer, createReport, type LineError, type Report } from './import-report.ts';
import type { Intake } from './intake.ts';
import { Problem } from './problem.ts';
import { insertPatiently, type Queued, queueBatch } from './queueing.ts';
import { importedSession, parseAsked } from './session-request.ts';

/**
 * `POST /v1/sessions:import`: NDJSON or CSV of any length, with constant memory. Lines are written in batches, each in one statement, and answered in
 * order while more arrive; a client that does not read the answers is not read from either. With idempotency keys, sending the same again is safe.
 */

/** A client that sends nothing for this long is given up. */
const patienceMs = 30_000;

const query = z.strictObject({ class: z.string().max(40).optional(), answers: z.enum(['all', 'refused']).default('all') });

type Judged = { readonly line: number; readonly session: NewSession } | { readonly line: number; readonly error: LineError };
type Settled = { readonly failed: false } | { readonly failed: true; readonly error: unknown };

export async function importSessions(intake: Intake, scope: TokenScope, request: Request, response: Response): Promise<void> {
  const type = requireType(request, ['application/x-ndjson', 'text/csv']);
  const { class: defaultClass, answers } = parseQuery(intake, request);
  const chunks = chunksOf(request, () => patienceMs);
  const batches = inBatches(type === 'text/csv' ? csvLines(chunks) : ndjsonLines(chunks));
  const report = createReport(response, answers, intake.deps.metrics);

  // The next batch is read and judged while the one before it is being committed and answered.
  let settled: Promise<Settled> = Promise.resolve({ failed: false });
  try {
    for await (const lines of batches) {
      const rules = { policy: intake.deps.policy(), scope, defaultClass, nowMs: await intake.room.nowMs() };
      const judged = lines.map((line) => judge(line, rules));
      throwIfFailed(await settled);
      settled = settle(intake, report, judged);
    }
    throwIfFailed(await settled);
    report.end();
  } catch (error) {
    await settled;
    if (!report.begun()) throw error;
    intake.deps.log.warn({ err: error }, 'an import ended early');
    report.end(error instanceof Problem ? error.message : 'the ledger does not answer');
  }
}

function parseQuery(intake: Intake, request: Request): z.infer<typeof query> {
  const asked = parseAsked(query, request.query);
  if (!asked.ok) throw new Problem('invalid-field', asked.issue);
  const names: readonly string[] = intake.deps.policy().classes.map(({ name }) => name);
  if (asked.data.class === undefined || names.includes(asked.data.class)) return asked.data;
  throw new Problem('invalid-field', { field: 'class', detail: `no class of this pool has this name: use one of ${names.join(', ')}` });
}

function judge(one: ImportLine, rules: Rules): Judged {
  const { line } = one;
  if ('kind' in one) return { line, error: { kind: one.kind, detail: one.detail } };
  const asked = parseAsked(importedSession, one.value);
  if (!asked.ok) return { line, error: { kind: 'invalid-field', ...asked.issue } };
  const verdict = acceptSession(asked.data, rules);
  return verdict.accepted ? { line, session: verdict.session } : { line, error: verdict.why };
}

/** Commits a batch and answers it. Never rejects: it is awaited only after the next batch has been read. */
async function settle(intake: Intake, report: Report, judged: readonly Judged[]): Promise<Settled> {
  try {
    await report.answer(await store(intake, judged));
    return { failed: false };
  } catch (error) {
    return { failed: true, error };
  }
}

function throwIfFailed(settled: Settled): void {
  if (settled.failed) throw settled.error;
}

async function store(intake: Intake, judged: readonly Judged[]): Promise<readonly Answer[]> {
  const sessions = judged.flatMap((one) => ('session' in one ? [one.session] : []));
  const queued = await queueBatch(intake.deps, intake.room, sessions, (some) => insertPatiently(intake.deps, some));
  const full = new Set(queued.flatMap((one) => (one.kind === 'full' ? [one.class] : [])));
  const retryAfter = new Map<ClassName, number>();
  for (const className of full) retryAfter.set(className, await intake.retryAfter(className));
  let next = 0;
  return judged.map((one) => ('error' in one ? one : answerOf(one.line, queued[next++], retryAfter)));
}

function answerOf(line: number, queued: Queued | undefined, retryAfter: ReadonlyMap<ClassName, number>): Answer {
  if (queued === undefined) throw new Error(`line ${line} got no answer`);
  if (queued.kind === 'full') {
    const wait = { retryAfterSeconds: retryAfter.get(queued.class) ?? 60 };
    return { line, error: { kind: 'queue-full', field: 'class', detail: `the queue of class ${queued.class} is full`, ...wait } };
  }
  const { id, state, created, conflict } = queued.inserted;
  if (created) return { line, id, state };
  if (!conflict) return { line, id, state, duplicate: true };
  return { line, error: { kind: 'key-reused', field: 'idempotencyKey', detail: `session ${id} was made with this key and other content` } };
}
