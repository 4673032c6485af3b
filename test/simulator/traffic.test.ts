import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isValidPhoneNumber } from 'libphonenumber-js/max';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../simulator/clock.ts';
import { seeded } from '../../simulator/random.ts';
import { readScenario } from '../../simulator/simulation.ts';
import { Accepted } from '../../simulator/traffic/accepted.ts';
import { dial } from '../../simulator/traffic/callee.ts';
import { callerAt, type InboundTraffic } from '../../simulator/traffic/callers.ts';
import { handLeads, type Lead, type LeadsWorld, type OutboundTraffic, readLeads } from '../../simulator/traffic/leads.ts';
import { callerNumber, leadNumber } from '../../simulator/traffic/numbers.ts';
import { type Received, receiver, temporaryDirectory } from './fixture.ts';

const campaign: OutboundTraffic = {
  kind: 'outbound',
  class: 'campaign',
  leads: 1_200,
  length: { mu: 4.34, sigma: 0.944, minSeconds: 5, maxSeconds: 3_600 },
  answer: { noAnswer: 0.2, busy: 0.05, voicemail: 0.1, fault: 0 },
  ringSeconds: { min: 4, max: 20 },
};
const vip: InboundTraffic = {
  kind: 'inbound',
  number: '+14155550100',
  perMinute: 12,
  length: { mu: 3.65, sigma: 0.944, minSeconds: 5, maxSeconds: 3_600 },
  patienceSeconds: 280,
};
const bounds = { ringTimeoutMs: 60_000, maxDurationMs: 600_000 };

describe('made-up people', () => {
  test('have valid numbers, each its own, callers and leads apart', () => {
    const leads = Array.from({ length: 5_000 }, (_, index) => leadNumber(index));
    const callers = Array.from({ length: 1_000 }, (_, index) => callerNumber(index * 1_777));
    expect([...leads, ...callers].filter((number) => !isValidPhoneNumber(number))).toEqual([]);
    expect(new Set([...leads, ...callers]).size).toBe(6_000);
  });

  test('behave the same for the same seed, number and attempt, and differently for others', () => {
    const of = (...parts: (string | number)[]) => dial(seeded('callee', ...parts), campaign, bounds);
    expect(of(1, leadNumber(1), 0)).toEqual(of(1, leadNumber(1), 0));
    const others = [of(1, leadNumber(1), 0), of(2, leadNumber(1), 0), of(1, leadNumber(2), 0), of(1, leadNumber(1), 1)];
    expect(new Set(others.map((steps) => JSON.stringify(steps))).size).toBe(4);
  });

  test('pick up, are busy and talk as often and as long as the scenario says', () => {
    const calls = Array.from({ length: 20_000 }, (_, index) =>
      dial(seeded('callee', index), campaign, { ...bounds, maxDurationMs: 3_600_000 }),
    );
    const share = (outcome: string) =>
      calls.filter((steps) => steps.some((step) => step.status === 'ended' && step.outcome === outcome)).length / calls.length;
    expect(share('NoAnswer')).toBeCloseTo(0.2, 1);
    expect(share('Voicemail')).toBeCloseTo(0.1, 1);
    expect(share('Normal')).toBeCloseTo(0.65, 1);
    const meanMs = calls.reduce((sum, steps) => sum + (steps.at(-1)?.atMs ?? 0), 0) / calls.length;
    expect(meanMs).toBeGreaterThan(90_000);
    expect(meanMs).toBeLessThan(110_000);
  });
});

describe('callers', () => {
  test('are the same for the same seed', () => {
    expect(callerAt(1, vip, 7)).toEqual(callerAt(1, vip, 7));
    expect(callerAt(1, vip, 7)).not.toEqual(callerAt(2, vip, 7));
  });

  test('offer the lines that the trial states: 12 a minute of a minute each', () => {
    const callers = Array.from({ length: 20_000 }, (_, index) => callerAt(1, vip, index));
    const meanOf = (value: (caller: (typeof callers)[number]) => number) =>
      callers.reduce((sum, each) => sum + value(each), 0) / callers.length;
    expect(meanOf((each) => each.gapMs) / 5_000).toBeCloseTo(1, 1);
    expect(meanOf((each) => each.arrival.lengthMs) / 60_000).toBeCloseTo(1, 1);
    expect(meanOf((each) => each.arrival.patienceMs) / 280_000).toBeCloseTo(1, 1);
  });
});

type Line = {
  readonly idempotencyKey: string;
  readonly class: string;
  readonly direction: string;
  readonly customer: { readonly number: string };
};
const linesOf = (received: Received): readonly Line[] =>
  received.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const acknowledge = (received: Received) =>
  linesOf(received)
    .map((line, index) => JSON.stringify({ line: index + 1, id: `id-${line.idempotencyKey}`, state: 'queued' }))
    .join('\n');

function leadsWorld(url: string, directory: string) {
  const acceptedLeads: Lead[] = [];
  const refused: (number | undefined)[] = [];
  const accepted = new Accepted(join(directory, 'accepted.ndjson'));
  const world: LeadsWorld = {
    clock: systemClock(),
    speed: 20,
    url,
    token: 'token',
    accepted,
    onAccepted: (lead) => acceptedLeads.push(lead),
    onRefused: (_lead, status) => refused.push(status),
  };
  return { world, accepted, acceptedLeads, refused };
}

const never = new AbortController().signal;

describe('leads', () => {
  test('are handed over in portions, each once, with what was acknowledged on disk', async () => {
    const directory = temporaryDirectory();
    const intake = await receiver((received) => ({ status: 200, body: acknowledge(received) }));
    const { world, accepted, acceptedLeads } = leadsWorld(intake.url, directory);
    const leads = readLeads(campaign, 0, directory);
    await handLeads(world, campaign, leads, never);
    expect(intake.received.map((each) => linesOf(each).length)).toEqual([500, 500, 200]);
    expect(intake.received[0]).toMatchObject({ path: '/v1/sessions:import', headers: { authorization: 'Bearer token' } });
    expect(linesOf(intake.received[0] ?? fail())[0]).toEqual({
      class: 'campaign',
      direction: 'Outbound',
      customer: { number: leadNumber(0), name: 'Lead 1' },
      idempotencyKey: 'lead-0-1',
    });
    expect([accepted.ids().length, acceptedLeads.length]).toEqual([1_200, 1_200]);
    accepted.close();

    const again = leadsWorld(intake.url, directory);
    await handLeads(again.world, campaign, leads, never);
    expect(intake.received).toHaveLength(3);
    again.accepted.close();
  });

  test('wait when the intake is full, come again when it fails or leaves a line unanswered, and are given up when refused', async () => {
    const intake = await receiver((received, count) => {
      if (count === 1) return { status: 429 };
      if (count === 2) return { status: 503 };
      if (count === 3)
        return {
          status: 200,
          body: `${JSON.stringify({ line: 1, id: 'a' })}\n${JSON.stringify({ line: 2, error: { status: 422, detail: 'no' } })}`,
        };
      return { status: 200, body: acknowledge(received) };
    });
    const { world, acceptedLeads, refused, accepted } = leadsWorld(intake.url, temporaryDirectory());
    await handLeads(world, campaign, readLeads({ ...campaign, leads: 3 }, 0, '/'), never);
    expect(intake.received.map((each) => linesOf(each).length)).toEqual([3, 3, 3, 1]);
    expect(acceptedLeads.map((lead) => lead.key)).toEqual(['lead-0-1', 'lead-0-3']);
    expect(refused).toEqual([422]);
    accepted.close();
  });

  test('keep to their rate', async () => {
    const intake = await receiver((received) => ({ status: 200, body: acknowledge(received) }));
    const { world, acceptedLeads, accepted } = leadsWorld(intake.url, temporaryDirectory());
    // 60 a minute at speed 20 are 20 a second.
    const startMs = performance.now();
    await handLeads(world, { ...campaign, perMinute: 60 }, readLeads({ ...campaign, leads: 20 }, 0, '/'), never);
    expect(acceptedLeads).toHaveLength(20);
    expect(performance.now() - startMs).toBeGreaterThan(900);
    accepted.close();
  });

  test('come from a CSV file, every number once', () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'leads.csv'), 'number,name,city\n+12125500001,Ada,x\n+12125500002,Bo,y\n+12125500001,Ada again,x\n');
    expect(readLeads({ ...campaign, leads: 'leads.csv' }, 1, directory)).toEqual([
      { key: 'lead-1-1', class: 'campaign', number: '+12125500001', name: 'Ada' },
      { key: 'lead-1-2', class: 'campaign', number: '+12125500002', name: 'Bo' },
    ]);
  });
});

test.each(readdirSync(new URL('../../simulator/scenarios', import.meta.url)))('the shipped scenario %s is valid', async (file) => {
  const { scenario } = await readScenario(new URL(`../../simulator/scenarios/${file}`, import.meta.url).pathname);
  expect(scenario.traffic.length).toBeGreaterThan(1);
});

function fail(): never {
  throw new Error('Nothing was received.');
}
