import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type TruthEvent, truthEvent } from '../../../simulator/truth/events.ts';
import type { CallFact, Limits, Refusal } from './history.ts';

/** All calls that the provider ever had and all changes of its limits, from its append-only log. */
export async function readProvider(
  simulatorDirectory: string,
): Promise<{ readonly calls: readonly CallFact[]; readonly changes: Limits['changes'] }> {
  const lines = await linesOf(join(simulatorDirectory, 'calls.ndjson'));
  const events = lines.map((line) => truthEvent.parse(JSON.parse(line)));
  const changes = events.flatMap((event) => {
    if (event.event !== 'limit') return [];
    const { subscription, atMs, limit } = event;
    return [{ subscription, atMs, limit }];
  });
  return { calls: callsOf(events), changes };
}

/** Folds the provider's events into its calls, in order of creation. */
export function callsOf(events: readonly TruthEvent[]): readonly CallFact[] {
  const calls = new Map<string, CallFact>();
  for (const event of events) {
    if (event.event === 'created') {
      const { id, kind, name, customer, project, subscription } = event.call;
      const began = { id, kind, name, number: customer?.number, project, subscription, createdAtMs: event.atMs };
      calls.set(id, { ...began, endedAtMs: undefined, outcome: undefined, reason: undefined });
    }
    if (event.event !== 'ended') continue;
    const call = calls.get(event.id);
    if (call !== undefined) calls.set(event.id, { ...call, endedAtMs: event.atMs, outcome: event.outcome, reason: event.reason });
  }
  return [...calls.values()];
}

/** Creations that the provider refused for want of a line, from its append-only log. */
export async function readRefusals(simulatorDirectory: string): Promise<readonly Refusal[]> {
  const lines = await linesOf(join(simulatorDirectory, 'calls.ndjson'));
  return refusalsOf(lines.map((line) => truthEvent.parse(JSON.parse(line))));
}

function refusalsOf(events: readonly TruthEvent[]): readonly Refusal[] {
  const accounts = new Map<string, string>();
  for (const event of events) {
    if (event.event === 'created' && event.call.project !== undefined) accounts.set(event.call.project, event.call.subscription);
  }
  const live = new Map<string, { readonly id: string; readonly kind: CallFact['kind']; readonly subscription: string }>();
  const refusals: Refusal[] = [];
  for (const event of events) {
    if (event.event === 'created') live.set(event.call.id, event.call);
    if (event.event === 'freed') live.delete(event.id);
    if (event.event !== 'refused' || event.why !== 'over-limit') continue;
    const account = accounts.get(event.project);
    const { project, atMs } = event;
    refusals.push({ project, atMs, live: [...live.values()].filter(({ subscription }) => subscription === account) });
  }
  return refusals;
}

const acknowledgement = z.object({ id: z.string() });

/** Sessions that were acknowledged to those who handed them in; none when nobody did. */
export async function readAcknowledged(simulatorDirectory: string): Promise<readonly string[]> {
  const lines = await linesOf(join(simulatorDirectory, 'accepted.ndjson'));
  return [...new Set(lines.map((line) => acknowledgement.parse(JSON.parse(line)).id))];
}

/** Complete lines; one that a kill cut off was never acted upon. */
async function linesOf(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8');
  const end = text.lastIndexOf('\n');
  return end === -1 ? [] : text.slice(0, end).split('\n');
}
