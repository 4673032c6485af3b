import type { Request, Response } from 'express';
import { z } from 'zod';
import { textOf } from '../../crds/text.ts';
import { ensureToken, newToken, type TokenScope } from '../../ledger/tokens.ts';
import type { Intake } from './intake.ts';
import { readAsked, requireReach } from './small-requests.ts';

const body = z.strictObject({ class: textOf(1, 40).optional() });

/** `POST /v1/tokens`: a new token that reaches no further than the one that asked for it. It is shown here and never again. */
export async function createToken({ deps }: Intake, scope: TokenScope, request: Request, response: Response): Promise<void> {
  const asked = await readAsked(request, body);
  const className = requireReach(deps, scope, asked.class);
  const token = newToken();
  await ensureToken(deps.database, deps.poolId, token, className);
  response
    .status(201)
    .setHeader('Cache-Control', 'no-store')
    .json({ token, ...(className === undefined ? {} : { class: className }) });
}
