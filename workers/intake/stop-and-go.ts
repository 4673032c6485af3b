import { setTimeout as delay } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { textOf } from '../../crds/text.ts';
import type { ClassName } from '../../crds/values.ts';
import { beginPassingHold, endPassingHold, liftHold, prolongPassingHold, setHold } from '../../ledger/overlays.ts';
import { cancelBite, cancelQueuedOf, cancelUnsentOf, endWithTheirCalls, leftOf, newestOf } from '../../ledger/sessions/cancel.ts';
import type { TokenScope } from '../../ledger/tokens.ts';
import type { IntakeDeps } from './deps.ts';
import type { Intake } from './intake.ts';
import { Problem } from './problem.ts';
import { readAsked, requireReach } from './small-requests.ts';

/** Stop and go: hold the pool or a class, let it go on, cancel what waits. Live calls go on, and nobody is dialled again for them. */

const className = textOf(1, 40);
const holdBody = z.strictObject({ class: className.optional(), until: z.iso.datetime({ offset: true }).optional() });
const resumeBody = z.strictObject({ class: className.optional() });
const cancelBody = z.strictObject({ class: className });

/** `POST /v1/hold` */
export async function hold(intake: Intake, scope: TokenScope, request: Request, response: Response): Promise<void> {
  const asked = await readAsked(request, holdBody);
  const named = requireReach(intake.deps, scope, asked.class);
  const until = asked.until === undefined ? undefined : new Date(asked.until);
  if (until !== undefined && until.getTime() <= (await intake.room.nowMs())) {
    throw new Problem('invalid-field', { detail: 'must lie in the future', field: 'until' });
  }
  await setHold(intake.deps.database, intake.deps.poolId, named, until);
  intake.deps.waker.wake();
  response.json({ held: named ?? 'pool', ...(until === undefined ? {} : { until: until.toISOString() }) });
}

/** `POST /v1/resume`: lifts exactly this hold; `lifted` says whether there was one. */
export async function resume({ deps }: Intake, scope: TokenScope, request: Request, response: Response): Promise<void> {
  const asked = await readAsked(request, resumeBody);
  const named = requireReach(deps, scope, asked.class);
  const lifted = await liftHold(deps.database, deps.poolId, named);
  if (lifted) deps.waker.wake();
  response.json({ resumed: named ?? 'pool', lifted });
}

const holdForMs = 120_000;
/** Rounds over rows that others were changing when we came by. */
const rounds = 20;

/**
 * `POST /v1/cancel`: ends everything of a class that waits now, unsent admissions included. The class is held meanwhile, so that nothing slips into a
 * call; what is queued after the request came stays. Answers NDJSON: `{"cancelled":n}` as it goes on, a summary at the end.
 */
export async function cancel({ deps }: Intake, scope: TokenScope, request: Request, response: Response): Promise<void> {
  const asked = await readAsked(request, cancelBody);
  const named = requireReach(deps, scope, asked.class);
  if (named === undefined) throw new Error('a cancellation names its class');
  let cancelled = 0;
  const progress = (more: number) => {
    cancelled += more;
    if (!response.headersSent) response.status(200).type('application/x-ndjson');
    response.write(`${JSON.stringify({ cancelled })}\n`);
  };
  try {
    const live = await whileHeld(deps, named, (keepHolding) => cancelWaiting(deps, named, keepHolding, progress));
    response.end(`${JSON.stringify({ summary: { class: named, cancelled, live } })}\n`);
  } catch (error) {
    if (!response.headersSent) throw error;
    deps.log.error({ err: error, class: named, cancelled }, 'a cancellation ended early');
    response.end(`${JSON.stringify({ summary: { class: named, cancelled, incomplete: 'the ledger does not answer: cancel again' } })}\n`);
  }
}

async function whileHeld<T>(deps: IntakeDeps, held: ClassName, work: (keepHolding: () => Promise<void>) => Promise<T>): Promise<T> {
  const { database, poolId } = deps;
  const passing = await beginPassingHold(database, poolId, held, holdForMs);
  deps.waker.wake();
  try {
    return await work(async () => {
      if (passing !== undefined) await prolongPassingHold(database, poolId, passing, holdForMs);
    });
  } finally {
    if (passing !== undefined) await endPassingHold(database, poolId, passing);
    deps.waker.wake();
  }
}

/** Ends what waits, bite by bite. Returns how many calls of the class go on. */
async function cancelWaiting(
  { database, poolId, hasResults }: IntakeDeps,
  named: ClassName,
  keepHolding: () => Promise<void>,
  progress: (cancelled: number) => void,
): Promise<number> {
  const options = { withResults: hasResults() };
  const upTo = await newestOf(database, poolId, named);
  progress(await cancelUnsentOf(database, poolId, named, upTo, options));
  for (let round = 0; round < rounds; round += 1) {
    for (let after: string | undefined = '0'; after !== undefined; ) {
      const bite = await cancelQueuedOf(database, poolId, named, { after, upTo }, options);
      progress(bite.cancelled);
      await keepHolding();
      after = bite.cancelled < cancelBite ? undefined : bite.last;
    }
    // Admitted before the dispatcher heard of the hold, or taken back to the queue since we looked there.
    progress(await cancelUnsentOf(database, poolId, named, upTo, options));
    await endWithTheirCalls(database, poolId, { class: named, upTo });
    if (!(await leftOf(database, poolId, named, upTo)).waiting) break;
    await delay(50);
  }
  return (await leftOf(database, poolId, named, upTo)).live;
}
