import express, { type NextFunction, type Request, type Response, type Router } from 'express';
import type { TokenScope } from '../../ledger/tokens.ts';
import { createAuthenticate } from './authenticate.ts';
import { deleteSession } from './cancel-session.ts';
import type { IntakeDeps } from './deps.ts';
import { importSessions } from './import.ts';
import { createIntake, type Intake } from './intake.ts';
import { postSession } from './post-session.ts';
import { Problem, problemHandler } from './problem.ts';
import { showPool, showSession, showSessions, showWorkers } from './queries.ts';
import { cancel, hold, resume } from './stop-and-go.ts';
import { createToken } from './tokens.ts';

export type { IntakeDeps } from './deps.ts';

type Method = 'get' | 'post' | 'delete';
type Handle = (intake: Intake, scope: TokenScope, request: Request, response: Response) => Promise<void>;

/** The routes that need a token. Express reads `:` as the start of a parameter, so a literal one is escaped. */
export const intakeRoutes: readonly { readonly path: string; readonly methods: Partial<Record<Method, Handle>> }[] = [
  { path: '/v1/sessions', methods: { get: showSessions, post: postSession } },
  { path: '/v1/sessions\\:import', methods: { post: importSessions } },
  { path: '/v1/sessions/:id', methods: { get: showSession, delete: deleteSession } },
  { path: '/v1/pool', methods: { get: showPool } },
  { path: '/v1/workers', methods: { get: showWorkers } },
  { path: '/v1/hold', methods: { post: hold } },
  { path: '/v1/resume', methods: { post: resume } },
  { path: '/v1/cancel', methods: { post: cancel } },
  { path: '/v1/tokens', methods: { post: createToken } },
];

/** Requests whose length is the caller's choice; their time says nothing about us. */
const streamed: ReadonlySet<Handle> = new Set([importSessions, cancel]);

/**
 * The intake API. It parses bodies route by route and leaves paths that are not its own to whoever comes next.
 *
 * The HTTP server must have `requestTimeout = 0`: an import may take as long as it keeps moving; the routes bound their bodies themselves.
 */
export function intakeRouter(deps: IntakeDeps): Router {
  const router = express.Router({ caseSensitive: true });
  const intake = createIntake(deps);
  const authenticate = createAuthenticate(deps);

  for (const { path, methods } of intakeRoutes) {
    const route = router.route(path);
    for (const method of ['get', 'post', 'delete'] as const) {
      const handle = methods[method];
      if (handle === undefined) continue;
      route[method](async (request, response) => {
        if (!streamed.has(handle)) measure(deps, `${method} ${path.replace('\\', '')}`, response);
        await handle(intake, await authenticate(request), request, response);
      });
    }
    const allow = Object.keys(methods)
      .map((method) => method.toUpperCase())
      .join(', ');
    route.all(() => {
      throw new Problem('method-not-allowed', { detail: `use ${allow}`, headers: { Allow: allow } });
    });
  }
  router.use((error: unknown, _request: Request, _response: Response, next: NextFunction) => {
    if (error instanceof Problem) deps.metrics.requestsRefused.inc({ problem: error.kind });
    next(error);
  });
  router.use(problemHandler(deps.log));
  return router;
}

function measure(deps: IntakeDeps, route: string, response: Response): void {
  const startedMs = deps.now();
  response.once('finish', () => {
    deps.metrics.httpRequestSeconds.observe({ route, status: String(response.statusCode) }, (deps.now() - startedMs) / 1_000);
  });
}
