/** What is told of a call, as far as it decides whose it is. */
export type ToldCall = { readonly status: 'live' | 'ended' };

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
export function adoptionOf(call: ToldCall, session: ItsSession | undefined): Adoption {
  if (session === undefined || session.state === 'ended') return call.status === 'live' ? 'line' : 'nothing';
  return session.state === 'open' || session.numberBusy ? 'later' : 'adopt';
}

/** An attempt, as far as it decides whether a call is its call. */
export type CallHolder = {
  readonly sessionId: string | null;
  readonly refusal: string | null;
  readonly state: string;
  readonly outcome: string | null;
  /** The call that it is bound to; null while none is known. */
  readonly callId: string | null;
};

/** A call, and what the ledger has of it. */
export type CallAndHolders<Holder extends CallHolder, Claim> = ToldCall & {
  readonly callId: string;
  /** What stands in the ledger under the call's own id. */
  readonly entry: Holder | undefined;
  /** The attempt whose name the call carries. */
  readonly named: Holder | undefined;
  /** For whom it says that it is; undefined for a call without a name of ours, and for another pool's. */
  readonly claim: Claim | undefined;
};

/**
 * Whose a call is:
 * - `holder`: of what has it already; that is brought up to date.
 * - `awaited`: of its attempt, which was sent and has heard of no call yet.
 * - `given-up`: of its attempt, which ended without a call, if its session still waits.
 * - `forgotten`: of the session that it names, whose attempt the ledger forgot.
 * - `stranger`: nobody's; it holds a line until it ends. `dialsAgain` is `perhaps` where its session could still dial the number.
 */
export type CallOwner<Holder extends CallHolder, Claim> =
  | { readonly is: 'holder' | 'awaited' | 'given-up'; readonly attempt: Holder }
  | { readonly is: 'forgotten'; readonly claim: Claim }
  | {
      readonly is: 'stranger';
      readonly why: 'NotOurs' | 'OtherCallUnderItsName' | 'NotYetSent' | 'EndedWithoutIt';
      readonly dialsAgain: 'never' | 'perhaps';
    };

/**
 * Decides whose a call is. Its id counts before its name: two calls can carry one name (a creation that was sent twice on the way, a copied call), and
 * what is told of the second says nothing about the first. So an attempt that has a call takes no other.
 */
export function ownerOf<Holder extends CallHolder, Claim>(call: CallAndHolders<Holder, Claim>): CallOwner<Holder, Claim> {
  const { entry, named, claim } = call;
  if (entry !== undefined && !isStranger(entry)) return { is: 'holder', attempt: entry };
  if (named === undefined)
    return claim === undefined ? { is: 'stranger', why: 'NotOurs', dialsAgain: 'never' } : { is: 'forgotten', claim };
  if (named.callId !== null && named.callId !== call.callId) return { is: 'stranger', why: 'OtherCallUnderItsName', dialsAgain: 'never' };
  if (named.state === 'ended' && named.outcome === 'Unsent') return { is: 'given-up', attempt: named };
  if (named.state === 'sending') return { is: 'awaited', attempt: named };
  // Only a ledger that went back shows a call before its attempt was sent. The attempt will be taken back, and can have the call then; a call that is
  // over and holds no line ends it at once.
  if (named.state === 'admitted' && (call.status === 'live' || entry !== undefined))
    return { is: 'stranger', why: 'NotYetSent', dialsAgain: 'perhaps' };
  // The provider refused it, or its bound passed with nothing heard, and yet there is a call: it holds a line that the attempt gives back.
  if (call.status === 'live' && named.callId === null) {
    if (named.state === 'ended') return { is: 'given-up', attempt: named };
    if (named.state === 'cooling') return { is: 'stranger', why: 'EndedWithoutIt', dialsAgain: 'perhaps' };
  }
  return { is: 'holder', attempt: entry ?? named };
}

/** A call that came without a name of ours, or that nothing could be bound to. */
function isStranger({ sessionId, refusal }: CallHolder): boolean {
  return sessionId === null && refusal === 'Foreign';
}
