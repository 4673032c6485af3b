import express, { type Router } from 'express';
import { troubleOf } from '../../ledger/trouble.ts';
import { readView, type SeenView } from '../../ledger/views.ts';
import type { IntakeDeps } from './deps.ts';

/**
 * `/livez`, `/readyz` and `/metrics`, without a token. Readiness says only whether this worker takes requests: with the ledger or the provider away
 * every worker is equally unwell, and taking all of them out would turn a short wait into refused calls.
 */
export function healthRouter(deps: Pick<IntakeDeps, 'database' | 'poolId' | 'metrics' | 'phase'>): Router {
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
    metrics.view.show(await viewOrNothing(deps));
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  return router;
}

/** Our own counters are told even while the ledger is away; what only it knows is absent then. */
async function viewOrNothing({ database, poolId }: Pick<IntakeDeps, 'database' | 'poolId'>): Promise<SeenView | undefined> {
  try {
    return await readView(database, poolId);
  } catch (error) {
    if (troubleOf(error) === 'defect') throw error;
    return undefined;
  }
}
