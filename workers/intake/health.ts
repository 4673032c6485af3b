import express, { type Router } from 'express';
import { readDecision } from '../../ledger/scaling/decisions.ts';
import { troubleOf } from '../../ledger/trouble.ts';
import { readView } from '../../ledger/views.ts';
import type { Metrics } from '../metrics.ts';
import type { WorkerPhase } from '../phases.ts';
import type { IntakeDeps } from './deps.ts';

/** Where the pool is; undefined while the worker still waits for its ledger. */
export type Ledger = Pick<IntakeDeps, 'database' | 'poolId'>;

/**
 * `/livez`, `/readyz` and `/metrics`, without a token. Readiness says only whether this worker takes requests: with the ledger or the provider away
 * every worker is equally unwell, and taking all of them out would turn a short wait into refused calls.
 */
export function healthRouter(deps: {
  readonly ledger: () => Ledger | undefined;
  readonly metrics: Metrics;
  readonly phase: () => WorkerPhase;
}): Router {
  const router = express.Router({ caseSensitive: true });
  const { metrics } = deps;

  router.get('/livez', (_request, response) => {
    response.type('text/plain').send('ok\n');
  });

  router.get('/readyz', (_request, response) => {
    const phase = deps.phase();
    response
      .status(phase === 'serving' ? 200 : 503)
      .type('text/plain')
      .send(phase === 'serving' ? 'ok\n' : `${phase}\n`);
  });

  router.get('/metrics', async (_request, response) => {
    const ledger = deps.ledger();
    const [view, decision] = await Promise.all([
      ifTold(async () => ledger && readView(ledger.database, ledger.poolId)),
      ifTold(async () => ledger && readDecision(ledger.database, ledger.poolId)),
    ]);
    metrics.view.show(view);
    metrics.fleet.show(decision);
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  return router;
}

/** Our own counters are told even while the ledger is away; what only it knows is absent then. */
async function ifTold<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (troubleOf(error) === 'defect') throw error;
    return undefined;
  }
}
