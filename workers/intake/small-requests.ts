import type { Request } from 'express';
import type { z } from 'zod';
import type { ClassName } from '../../crds/values.ts';
import type { TokenScope } from '../../ledger/tokens.ts';
import { reaches } from './accept.ts';
import { readBody, requireType } from './body.ts';
import type { IntakeDeps } from './deps.ts';
import { parseJson } from './post-session.ts';
import { Problem } from './problem.ts';
import { wrongScope } from './queries.ts';
import { parseAsked } from './session-request.ts';

/** What requests with a handful of fields, about the pool or one class of it, have in common. */

/** The class that is meant, or undefined for the pool. @throws Problem */
export function requireReach(deps: IntakeDeps, scope: TokenScope, name: string | undefined): ClassName | undefined {
  if (name === undefined) {
    if (scope.class !== undefined) throw wrongScope(scope);
    return undefined;
  }
  const { classes } = deps.policy();
  const found = classes.find((one) => one.name === name);
  if (found === undefined) {
    const detail = `no class of this pool has this name: use one of ${classes.map((one) => one.name).join(', ')}`;
    throw new Problem('invalid-field', { detail, field: 'class' });
  }
  if (!reaches(scope, found.name)) throw wrongScope(scope);
  return found.name;
}

/** A small JSON body. @throws Problem naming the field */
export async function readAsked<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  requireType(request, ['application/json']);
  const asked = parseAsked(schema, parseJson(await readBody(request, { maxBytes: 4_096, timeoutMs: 10_000 })));
  if (asked.ok) return asked.data;
  throw new Problem('invalid-field', asked.issue);
}
