import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TruthEvent, truthEvent } from '../../../simulator/truth/events.ts';
import type { Forgotten } from '../world.ts';

/** Everything that happened at the provider, as it wrote it down itself. */
export async function readTruth(stateDirectory: string): Promise<readonly TruthEvent[]> {
  const text = await readFile(join(stateDirectory, 'simulator', 'calls.ndjson'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => truthEvent.parse(JSON.parse(line)));
}

/** What was on its way when the loss began, or was answered when it was over. */
const aroundMs = 250;

export function isForgotten(forgotten: readonly Forgotten[], atMs: number): boolean {
  return forgotten.some(({ fromMs, toMs }) => atMs >= fromMs - aroundMs && atMs <= toMs + aroundMs);
}

/** How many sessions were acknowledged in time that the ledger has lost. */
export function acknowledgedAndForgotten(truth: readonly TruthEvent[], forgotten: readonly Forgotten[]): number {
  return truth.filter((event) => event.event === 'lead' && isForgotten(forgotten, event.atMs)).length;
}
