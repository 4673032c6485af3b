import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Family } from './fault.ts';
import { ledgerWire } from './faults/network.ts';
import { killed } from './faults/processes.ts';
import { serverRestarted } from './faults/server.ts';
import { runSeed } from './run.ts';
import { drawSeed } from './seed.ts';

const short: readonly Family[] = [killed, serverRestarted, ledgerWire];

/** Their faults are over early, so they need less traffic than others. */
const trafficMs = 9_000;

describe('every promise is kept', () => {
  test.each([
    { seed: 263, hurt: [/kill -9: the dispatching worker/, /PostgreSQL restart/] },
    { seed: 635, hurt: [/kill -9: the dispatching worker/, /network to the ledger: cut/] },
  ])('when seed $seed hurts the pool', { timeout: 120_000 }, async ({ seed, hurt }) => {
    const directory = await mkdtemp('/tmp/trunkline-chaos-');
    await chmod(directory, 0o711);
    const verdict = await runSeed({ ...drawSeed(seed, short), trafficMs }, join(directory, `seed-${seed}`), () => undefined);
    for (const what of hurt) expect(verdict.faults).toContainEqual(expect.stringMatching(what));
    expect(verdict.violations, `evidence: ${directory}`).toEqual([]);
    await rm(directory, { recursive: true, force: true });
  });
});
