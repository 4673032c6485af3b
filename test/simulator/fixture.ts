import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { z } from 'zod';
import { poolManifest } from '../../crds/pool.ts';
import type { Clock } from '../../simulator/clock.ts';
import { scenario } from '../../simulator/contract.ts';
import { declare } from '../../simulator/declaration.ts';
import { Simulation } from '../../simulator/simulation.ts';

/** A clock that stands still until a test moves it. */
export type ManualClock = Clock & { readonly advance: (spanMs: number) => void };

export function manualClock(startMs = Date.parse('2026-03-01T12:00:00Z')): ManualClock {
  let nowMs = startMs;
  const timers = new Set<{ readonly dueMs: number; readonly run: () => void }>();
  return {
    nowMs: () => nowMs,
    at: (dueMs, run) => {
      const timer = { dueMs, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance: (spanMs) => {
      const untilMs = nowMs + spanMs;
      for (;;) {
        const [next] = [...timers].filter((timer) => timer.dueMs <= untilMs).sort((one, other) => one.dueMs - other.dueMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.run();
      }
      nowMs = untilMs;
    },
  };
}

export const numbers = { vip: '+14155550100', sales: '+14155550102' } as const;
export const ids = {
  reception: 'assistant-reception',
  seller: 'assistant-seller',
  vip: 'number-vip',
  sales: 'number-sales',
  second: 'number-second',
} as const;

/** Two subscriptions, three projects: `front` and `sales` share the three lines of `main`; `far` has the two of `second`. */
export const manifest = poolManifest.parse({
  apiVersion: 'trunkline.dev/v1alpha1',
  kind: 'VoiceCapacityPool',
  metadata: { name: 'test' },
  spec: {
    subscriptions: [
      {
        name: 'main',
        concurrencyLimit: 3,
        callsPerSecond: '2',
        projects: [
          {
            name: 'front',
            apiKeySecretRef: { name: 'front', key: 'apiKey' },
            webhookSecretRef: { name: 'front', key: 'secret' },
            assistants: [
              { name: 'reception', id: ids.reception },
              { name: 'seller', id: ids.seller },
            ],
            phoneNumbers: [{ id: ids.vip, number: numbers.vip }],
          },
          {
            name: 'sales',
            apiKeySecretRef: { name: 'sales', key: 'apiKey' },
            webhookSecretRef: { name: 'sales', key: 'secret' },
            webhookAuth: { type: 'Hmac', credentialId: 'credential-1' },
            requestsPerMinute: 6,
            assistants: [{ name: 'seller', id: ids.seller }],
            phoneNumbers: [{ id: ids.sales, number: numbers.sales }],
          },
        ],
      },
      {
        name: 'second',
        concurrencyLimit: 2,
        projects: [
          {
            name: 'far',
            apiKeySecretRef: { name: 'far', key: 'apiKey' },
            assistants: [{ name: 'seller', id: ids.seller }],
            phoneNumbers: [{ id: ids.second, number: '+12125550103' }],
          },
        ],
      },
    ],
    classes: [
      { name: 'vip', priority: 1000, direction: 'Inbound', assistant: 'reception', reserved: 1, match: { dialled: [numbers.vip] } },
      {
        name: 'campaign',
        priority: 100,
        direction: 'Outbound',
        assistant: 'seller',
        retry: { maxAttempts: 2, outcomes: ['Busy', 'NoAnswer'] },
      },
    ],
  },
});

export const declaration = await declare(manifest, (ref) => Promise.resolve(`${ref.name}-${ref.key}`));

export type ScenarioInput = Partial<z.input<typeof scenario>>;

/** Everybody answers after ten seconds of ringing and talks for a minute, give or take nothing much. */
export const plainCampaign = {
  kind: 'outbound',
  class: 'campaign',
  leads: 3,
  length: { mu: Math.log(60), sigma: 0.0001 },
  answer: { noAnswer: 0, busy: 0, voicemail: 0 },
  ringSeconds: { min: 10, max: 10 },
} as const;

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'simulator-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function simulate(
  given: ScenarioInput = {},
  settings: { readonly clock?: Clock; readonly directory?: string; readonly speed?: number } = {},
): Simulation {
  const simulation = new Simulation({
    declaration,
    scenario: scenario.parse({ traffic: [plainCampaign], ...given }),
    scenarioDirectory: '/nowhere',
    stateDirectory: settings.directory ?? temporaryDirectory(),
    speed: settings.speed ?? 1,
    clock: settings.clock ?? manualClock(),
    controlBase: () => 'http://127.0.0.1:1',
  });
  onTestFinished(() => simulation.close());
  return simulation;
}

type Json = Readonly<Record<string, unknown>>;

/** A creation as the pool sends it. */
export function creation(number: string, more: Json = {}): Json {
  return {
    name: 'tl-3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    assistantId: ids.seller,
    phoneNumberId: ids.sales,
    customer: { number },
    assistantOverrides: { maxDurationSeconds: 600, metadata: { trunkline: { pool: 'test', class: 'campaign', session: 's' } } },
    ...more,
  };
}

export type Answer = { readonly status: number; readonly body: Json };

/** One request to the provider's API as a project. */
export function ask(simulation: Simulation, project: string, route: string, body?: unknown): Answer {
  const [method = 'GET', target = '/'] = route.split(' ');
  const url = new URL(target, 'http://simulator');
  const text = body === undefined ? '' : JSON.stringify(body);
  const authorization = `Bearer ${project}-apiKey`;
  const answer = simulation.api.answer({ method, path: url.pathname, search: url.searchParams, authorization, body: text });
  if (answer === 'silence') return { status: 0, body: {} };
  return { status: answer.status, body: JSON.parse(JSON.stringify(answer.body)) };
}

export const phoneNumberOf = { front: ids.vip, sales: ids.sales, far: ids.second } as const;

export function dial(simulation: Simulation, project: keyof typeof phoneNumberOf, number: string, more: Json = {}): Answer {
  return ask(simulation, project, 'POST /call', creation(number, { phoneNumberId: phoneNumberOf[project], ...more }));
}

export type Received = {
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly message: Json;
};

/** A server that keeps what it receives and answers as the test says. */
export async function receiver(
  answer: (received: Received, count: number) => { readonly status: number; readonly body?: unknown } | 'silence',
) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(chunks).toString('utf8');
    const parsed: { message?: Json } = request.url?.endsWith(':import') ? {} : JSON.parse(text);
    const one = { path: request.url ?? '', headers: request.headers, text, message: parsed.message ?? {} };
    received.push(one);
    const answered = answer(one, received.length);
    if (answered === 'silence') return;
    response.writeHead(answered.status, { 'retry-after': '0.05' });
    response.end(typeof answered.body === 'string' ? answered.body : JSON.stringify(answered.body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}`, received };
}

/** Waits until something is true, for at most ten seconds. */
export async function until(isTrue: () => boolean): Promise<void> {
  for (let waited = 0; waited < 1_000; waited += 1) {
    if (isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('It did not come true within ten seconds.');
}
