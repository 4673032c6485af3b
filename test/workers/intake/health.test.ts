import express from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../../ledger/database.ts';
import { healthRouter } from '../../../workers/intake/health.ts';
import { createMetrics } from '../../../workers/metrics.ts';
import type { WorkerPhase } from '../../../workers/phases.ts';

/** Health of a worker whose ledger is away. */
async function serveHealth(phase: WorkerPhase): Promise<string> {
  const database = openDatabase('postgres://nobody@127.0.0.1:1/none', {
    applicationName: 'test',
    maxConnections: 1,
    onError: () => undefined,
  });
  const app = express();
  app.use(healthRouter({ ledger: () => ({ database, poolId: 1 }), metrics: createMetrics(), phase: () => phase }));
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await database.end();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

describe('with the ledger away, a worker', () => {
  test.each([
    { phase: 'starting', status: 503 },
    { phase: 'serving', status: 200 },
    { phase: 'draining', status: 503 },
    { phase: 'drained', status: 503 },
  ] as const)('that is $phase answers /readyz with $status', async ({ phase, status }) => {
    expect((await fetch(`${await serveHealth(phase)}/readyz`)).status).toBe(status);
  });

  test('is alive, and tells its own metrics but none of the pool', async () => {
    const url = await serveHealth('serving');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const answer = await fetch(`${url}/metrics`);
    const text = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')]);
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    expect(text).not.toMatch(/^trunkline_queue_depth\{/m);
  });
});
