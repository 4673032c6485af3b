import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { type Clock, sleep } from '../clock.ts';
import type { Scenario } from '../contract.ts';
import { type Posted, post } from '../vapi/post.ts';
import type { Accepted } from './accepted.ts';
import { leadNumber } from './numbers.ts';

export type OutboundTraffic = Extract<Scenario['traffic'][number], { kind: 'outbound' }>;
export type Lead = { readonly key: string; readonly class: string; readonly number: string; readonly name: string };

/** Lines of one import request. */
const batchSize = 500;
/** With a rate, leads are handed over this often. */
const paceMs = 250;
/** An intake that does not answer is tried again after this long. */
const unreachableMs = 1_000;

const csvRow = z.object({ number: z.string(), name: z.string().default('') });
const importLine = z.union([
  z.object({ line: z.int(), id: z.string() }),
  z.object({ line: z.int(), error: z.object({ status: z.int().optional() }) }),
  z.object({ line: z.int(), problem: z.object({ status: z.int().optional() }) }),
]);

/** The leads of a campaign, made up or from a CSV file beside the scenario. A number that comes twice is dialled once. */
export function readLeads(traffic: OutboundTraffic, index: number, scenarioDirectory: string): readonly Lead[] {
  const people =
    typeof traffic.leads === 'number'
      ? Array.from({ length: traffic.leads }, (_, n) => ({ number: leadNumber(n), name: `Lead ${n + 1}` }))
      : z.array(csvRow).parse(
          parse(readFileSync(resolve(scenarioDirectory, traffic.leads), 'utf8'), {
            columns: true,
            skip_empty_lines: true,
            trim: true,
            bom: true,
          }),
        );
  const seen = new Set<string>();
  const leads: Lead[] = [];
  for (const [n, { number, name }] of people.entries()) {
    if (seen.has(number)) continue;
    seen.add(number);
    leads.push({ key: `lead-${index}-${n + 1}`, class: traffic.class, number, name: name.slice(0, 40) });
  }
  return leads;
}

export type LeadsWorld = {
  readonly clock: Clock;
  readonly speed: number;
  readonly url: string;
  readonly token: string;
  readonly accepted: Accepted;
  /** Told of each lead that the intake acknowledged for the first time. */
  readonly onAccepted: (lead: Lead) => void;
  readonly onRefused: (lead: Lead, status: number | undefined) => void;
};

/** Hands leads to the intake, all at once or at the campaign's rate, until each was acknowledged or refused for good, or the signal. */
export async function handLeads(world: LeadsWorld, traffic: OutboundTraffic, leads: readonly Lead[], signal: AbortSignal): Promise<void> {
  const waiting = leads.filter((lead) => !world.accepted.has(lead.key));
  const startMs = world.clock.nowMs();
  let handed = 0;
  while (waiting.length > 0 && !signal.aborted) {
    const due =
      traffic.perMinute === undefined ? batchSize : duePerRate(traffic.perMinute * world.speed, world.clock.nowMs() - startMs) - handed;
    const batch = waiting.splice(0, Math.min(batchSize, Math.max(0, due)));
    if (batch.length > 0) {
      const { again, afterMs } = await importBatch(world, batch, signal);
      handed += batch.length - again.length;
      waiting.unshift(...again);
      if (afterMs > 0) await sleep(world.clock, afterMs, signal);
    }
    if (traffic.perMinute !== undefined) await sleep(world.clock, paceMs, signal);
  }
}

function duePerRate(perMinute: number, elapsedMs: number): number {
  return Math.floor((perMinute * elapsedMs) / 60_000) + 1;
}

type Imported = { readonly again: readonly Lead[]; readonly afterMs: number };

async function importBatch(world: LeadsWorld, batch: readonly Lead[], signal: AbortSignal): Promise<Imported> {
  const body = batch
    .map(({ key, class: ofClass, number, name }) =>
      JSON.stringify({ class: ofClass, direction: 'Outbound', customer: name === '' ? { number } : { number, name }, idempotencyKey: key }),
    )
    .join('\n');
  const headers = { authorization: `Bearer ${world.token}`, 'content-type': 'application/x-ndjson' };
  const posted = await post({
    url: `${world.url.replace(/\/$/, '')}/v1/sessions:import`,
    headers,
    body: `${body}\n`,
    timeoutMs: 60_000,
    signal,
  });
  if (posted.kind === 'failed' || posted.status >= 500) return { again: batch, afterMs: unreachableMs };
  if (posted.status === 429) return { again: batch, afterMs: retryAfterMs(posted) };
  if (posted.status >= 400) {
    for (const lead of batch) world.onRefused(lead, posted.status);
    return { again: [], afterMs: 0 };
  }
  return settle(world, batch, posted);
}

/** Takes each line's answer. A line without one, as when the connection broke off, is handed over again: the key makes that harmless. */
function settle(world: LeadsWorld, batch: readonly Lead[], posted: Extract<Posted, { kind: 'answered' }>): Imported {
  const open = new Map(batch.map((lead, index) => [index + 1, lead]));
  let full = false;
  for (const text of posted.body.split('\n')) {
    const parsed = text.trim() === '' ? undefined : importLine.safeParse(JSON.parse(text));
    const lead = parsed?.success === true ? open.get(parsed.data.line) : undefined;
    if (parsed?.success !== true || lead === undefined) continue;
    if ('id' in parsed.data) {
      open.delete(parsed.data.line);
      if (world.accepted.add(lead.key, parsed.data.id)) world.onAccepted(lead);
      continue;
    }
    const { status } = 'error' in parsed.data ? parsed.data.error : parsed.data.problem;
    if (status === 429 || status === 503) {
      full = true;
      continue;
    }
    open.delete(parsed.data.line);
    world.onRefused(lead, status);
  }
  const again = [...open.values()];
  return { again, afterMs: again.length === 0 ? 0 : full ? retryAfterMs(posted) : unreachableMs };
}

function retryAfterMs(posted: Extract<Posted, { kind: 'answered' }>): number {
  const seconds = Number(posted.headers['retry-after'] ?? 1);
  return (Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 60) : 1) * 1_000;
}
