import express from 'express';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { compilePolicy } from '../../../capacity/policy/compile.ts';
import type { Policy } from '../../../capacity/policy/policy.ts';
import { type PoolManifest, poolManifest } from '../../../crds/pool.ts';
import { className } from '../../../crds/values.ts';
import type { Database } from '../../../ledger/database.ts';
import { type PoolId, writePolicy } from '../../../ledger/policy.ts';
import { ensureToken } from '../../../ledger/tokens.ts';
import { notFound } from '../../../workers/intake/problem.ts';
import { type IntakeDeps, intakeRouter } from '../../../workers/intake/router.ts';
import { createMetrics } from '../../../workers/metrics.ts';
import { freshLedger } from '../../support/ledger.ts';

/** A pool with one campaign that may call numbers in +1, and one reserved inbound line. */
export const salesPool: PoolManifest = poolManifest.parse({
  apiVersion: 'trunkline.dev/v1alpha1',
  kind: 'VoiceCapacityPool',
  metadata: { name: 'sales' },
  spec: {
    subscriptions: [
      {
        name: 'main',
        concurrencyLimit: 10,
        projects: ['north', 'south'].map((name, index) => ({
          name,
          apiKeySecretRef: { name: `vapi-${name}`, key: 'apiKey' },
          assistants: [
            { name: 'seller', id: `seller-${name}` },
            ...(name === 'north' ? [{ name: 'reception', id: 'reception-north' }] : []),
          ],
          phoneNumbers: [{ id: `number-${name}`, number: `+1415555010${index}` }],
        })),
      },
    ],
    classes: [
      { name: 'vip', priority: 1000, direction: 'Inbound', assistant: 'reception', reserved: 2 },
      { name: 'campaign', priority: 100, direction: 'Outbound', assistant: 'seller', queue: { maxDepth: 50_000 } },
      {
        name: 'callback',
        priority: 500,
        direction: 'Outbound',
        assistant: 'reception',
        match: { labels: { kind: 'callback' } },
        queue: { maxDepth: 3 },
      },
    ],
  },
});

export const poolToken = 'tl_token-of-the-whole-pool';
export const campaignToken = 'tl_token-of-the-campaign';

export type Serving = {
  readonly url: string;
  readonly database: Database;
  readonly ledgerUrl: string;
  readonly poolId: PoolId;
  readonly woken: () => number;
  readonly request: (path: string, init?: RequestInit & { readonly token?: string }) => Promise<Response>;
  readonly post: (body: unknown, token?: string) => Promise<Response>;
};

/** The intake API of one worker on a server of its own, over a real ledger. */
export async function serveIntake(overrides: Partial<IntakeDeps> = {}): Promise<Serving> {
  const { database, url: ledgerUrl } = await freshLedger();
  const { poolId } = await writePolicy(database, salesPool.metadata.name, salesPool.spec);
  await ensureToken(database, poolId, poolToken);
  await ensureToken(database, poolId, campaignToken, className.parse('campaign'));
  let wakes = 0;
  const policy: Policy = compilePolicy(salesPool).policy;
  const app = express();
  app.use(
    intakeRouter({
      database,
      poolId,
      policy: () => policy,
      hasResults: () => false,
      waker: {
        wake: () => {
          wakes += 1;
        },
        withCommit: (run) => {
          wakes += 1;
          return run(null);
        },
      },
      hangUp: async () => 'asked',
      metrics: createMetrics(),
      log: pino({ level: 'silent' }),
      now: () => performance.now(),
      ...overrides,
    }),
  );
  app.use(notFound);
  const server = app.listen(0, '127.0.0.1');
  server.requestTimeout = 0;
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}`;
  const request: Serving['request'] = (path, { token = poolToken, headers, ...init } = {}) =>
    fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...headers } });
  return {
    url,
    database,
    ledgerUrl,
    poolId,
    woken: () => wakes,
    request,
    post: (body, token = poolToken) =>
      request('/v1/sessions', { method: 'POST', token, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  };
}

/** A JSON object that the API answered. */
export const bodyOf = async (answer: Response) => z.record(z.string(), z.unknown()).parse(await answer.json());

/** A number that can be dialled, a different one for every index. */
export const lead = (index: number) => `+1415555${String(index % 10_000).padStart(4, '0')}`;

export const outbound = (number = lead(100)) => ({ class: 'campaign', direction: 'Outbound', customer: { number } });
