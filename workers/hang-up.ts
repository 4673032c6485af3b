import type { Logger } from 'pino';
import { projectName } from '../crds/values.ts';
import { liveCallOf } from '../ledger/attempts/admitted-to.ts';
import type { Database } from '../ledger/database.ts';
import type { PoolId } from '../ledger/policy.ts';
import { endWithTheirCalls } from '../ledger/sessions/cancel.ts';
import { textsIn, withoutEchoes } from '../providers/vapi/redact.ts';
import type { Providers } from './providers.ts';

/** Asks the provider to end a session's call. `asked`: it took the request; the end is told as every end is. */
export type HangUp = (sessionId: string) => Promise<'asked' | 'not-live' | 'failed'>;

/** The session ends with its call, however that ends: nobody is dialled again for it, also if the provider does not do as it is asked. */
export function openHangUp(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly providers: Providers;
  readonly log: Logger;
  readonly signal: AbortSignal;
}): HangUp {
  return async (sessionId) => {
    const call = await liveCallOf(deps.database, deps.poolId, sessionId);
    const provider = call === undefined ? undefined : deps.providers.of(projectName.parse(call.project));
    if (call === undefined || provider === undefined || call.controlUrl === undefined) return 'not-live';
    await endWithTheirCalls(deps.database, deps.poolId, { id: sessionId });
    const { ok, detail } = await provider.api.hangUp(call.controlUrl, deps.signal);
    if (ok) return 'asked';
    // The provider may repeat who was called and what for.
    const told = withoutEchoes(detail, textsIn([call.name, call.context]));
    deps.log.warn({ session: sessionId, detail: told }, 'the provider did not end the call');
    return 'failed';
  };
}
