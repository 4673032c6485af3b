/** A call that carries our name, whose attempt the ledger does not know. */
export type ForgottenCall = { readonly status: 'live' | 'ended' };

/** The session that the call says it is for, as the ledger has it. */
export type ItsSession = { readonly state: 'queued' | 'open' | 'ended'; readonly numberBusy: boolean };

/**
 * - `adopt`: it becomes its session's attempt, and ends as it did if it is over, so that nobody is dialled twice.
 * - `later`: the session has an attempt that has yet to end by what the same lists tell; looked at again with the next one.
 * - `line`: it holds a line, and nothing can be bound to it.
 * - `nothing`: it is over and nothing would dial it again.
 */
export type Adoption = 'adopt' | 'later' | 'line' | 'nothing';

/** What becomes of a call of ours that the ledger forgot. */
export function adoptionOf(call: ForgottenCall, session: ItsSession | undefined): Adoption {
  if (session === undefined || session.state === 'ended') return call.status === 'live' ? 'line' : 'nothing';
  return session.state === 'open' || session.numberBusy ? 'later' : 'adopt';
}
