import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type Connection, Unreachable } from './connection.ts';

/** Sends leads to the intake, part by part. Every lead has a key, so a part whose answer got lost is simply sent again. */

export type Sendable = { readonly line: number; readonly content: string; readonly sent: string };

export type LeadRefused = { readonly status: number; readonly field?: string | undefined; readonly detail: string };
export type Outcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'refused'; readonly why: LeadRefused };

export type Sending = {
  readonly contentType: string;
  readonly head: () => string;
  readonly className: string | undefined;
  /** What to do about leads for which the queue has no room: wait for it, or take that for an answer. */
  readonly whenFull: 'wait' | 'refuse';
  readonly onOutcome: (lead: Sendable, outcome: Outcome) => void;
  readonly onWait: (seconds: number, why: string) => void;
};

const error = z.object({ status: z.number(), field: z.string().optional(), detail: z.string(), retryAfterSeconds: z.number().optional() });
const answer = z.union([
  z.object({ line: z.number(), id: z.string(), duplicate: z.literal(true).optional() }),
  z.object({ line: z.number(), error }),
  z.object({ summary: z.object({ incomplete: z.string().optional() }) }),
]);

const tries = 6;
const longestWaitSeconds = 60;

/** Sends one part until every lead of it has an outcome. @throws Refused, Unreachable */
export async function sendPart(connection: Connection, sending: Sending, part: readonly Sendable[]): Promise<void> {
  let left = part;
  let failures = 0;
  while (left.length > 0) {
    const round = await sendOnce(connection, sending, left);
    left = round.left;
    if (round.trouble !== undefined) {
      failures = round.left.length < part.length ? 1 : failures + 1;
      if (failures >= tries) throw round.trouble;
      await wait(sending, 0.5 * 2 ** failures * (0.5 + Math.random()), 'the pool does not answer');
    } else if (left.length > 0) {
      await wait(sending, Math.min(longestWaitSeconds, round.retryAfterSeconds), 'the queue is full');
    }
  }
}

async function wait(sending: Sending, seconds: number, why: string): Promise<void> {
  sending.onWait(seconds, why);
  await delay(seconds * 1_000);
}

type Round = { readonly left: readonly Sendable[]; readonly retryAfterSeconds: number; readonly trouble: Unreachable | undefined };

async function sendOnce(connection: Connection, sending: Sending, part: readonly Sendable[]): Promise<Round> {
  const head = sending.head();
  const waiting = byLine(part, head === '' ? 0 : 1);
  const full: Sendable[] = [];
  let retryAfterSeconds = 1;
  let trouble: Unreachable | undefined;
  try {
    const query = sending.className === undefined ? '' : `?class=${encodeURIComponent(sending.className)}`;
    const body = `${head}${part.map(({ sent }) => sent).join('\n')}\n`;
    const headers = { 'content-type': sending.contentType };
    const response = await connection.request(`/v1/sessions:import${query}`, { method: 'POST', headers, body });
    for await (const text of createInterface({ input: Readable.from(response.body ?? []) })) {
      const said = answer.parse(JSON.parse(text));
      if ('summary' in said) {
        if (said.summary.incomplete !== undefined) trouble = new Unreachable(said.summary.incomplete);
        continue;
      }
      const lead = waiting.get(said.line);
      if (lead === undefined) throw new Unreachable(`the pool answered line ${said.line}, which was not sent`);
      waiting.delete(said.line);
      if ('error' in said && said.error.status === 429 && sending.whenFull === 'wait') {
        full.push(lead);
        retryAfterSeconds = Math.max(retryAfterSeconds, said.error.retryAfterSeconds ?? 1);
      } else sending.onOutcome(lead, outcomeOf(said));
    }
    if (waiting.size > 0) trouble ??= new Unreachable('the answer broke off');
  } catch (failure) {
    trouble = troubleOf(failure);
  }
  return { left: [...full, ...waiting.values()], retryAfterSeconds, trouble };
}

/** The pool answers with the last line of a record; a cell may hold line breaks. */
function byLine(part: readonly Sendable[], before: number): Map<number, Sendable> {
  const leads = new Map<number, Sendable>();
  let line = before;
  for (const lead of part) {
    line += lead.sent.split(/\r\n|\n|\r/).length;
    leads.set(line, lead);
  }
  return leads;
}

function outcomeOf(said: { readonly duplicate?: true | undefined } | { readonly error: z.infer<typeof error> }): Outcome {
  if ('error' in said) return { kind: 'refused', why: { status: said.error.status, field: said.error.field, detail: said.error.detail } };
  return { kind: said.duplicate === true ? 'duplicate' : 'accepted' };
}

/** A connection that broke may be tried again; an answer of no may not. */
function troubleOf(failure: unknown): Unreachable {
  if (failure instanceof Unreachable) return failure;
  if (failure instanceof TypeError || (failure instanceof Error && 'code' in failure))
    return new Unreachable('the connection broke', { cause: failure });
  throw failure;
}
