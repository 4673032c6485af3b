import { describe, expect, test } from 'vitest';
import { type Adoption, adoptionOf, type CallHolder, type CallOwner, type ItsSession, ownerOf } from '../../../capacity/guard/adoption.ts';

describe('a call of ours that the ledger forgot', () => {
  test.each<{ name: string; status: 'live' | 'ended'; session: ItsSession | undefined; becomes: Adoption }>([
    { name: 'is bound to its waiting session', status: 'live', session: { state: 'queued', numberBusy: false }, becomes: 'adopt' },
    { name: 'ends its waiting session as it did', status: 'ended', session: { state: 'queued', numberBusy: false }, becomes: 'adopt' },
    { name: 'waits while its number is on the phone', status: 'live', session: { state: 'queued', numberBusy: true }, becomes: 'later' },
    { name: 'waits for an attempt that came before it', status: 'ended', session: { state: 'open', numberBusy: true }, becomes: 'later' },
    { name: 'holds a line when its session is over', status: 'live', session: { state: 'ended', numberBusy: false }, becomes: 'line' },
    { name: 'holds a line when its session is lost', status: 'live', session: undefined, becomes: 'line' },
    { name: 'is nothing when both are over', status: 'ended', session: { state: 'ended', numberBusy: false }, becomes: 'nothing' },
    { name: 'is nothing when it is over and its session lost', status: 'ended', session: undefined, becomes: 'nothing' },
  ])('$name', ({ status, session, becomes }) => {
    expect(adoptionOf({ status }, session)).toBe(becomes);
  });
});

const attempt = (state: string, more: Partial<CallHolder> = {}): CallHolder => ({
  sessionId: 'session',
  refusal: null,
  state,
  outcome: null,
  callId: null,
  ...more,
});

const call = 'call';
const stranger = attempt('bound', { sessionId: null, refusal: 'Foreign', callId: call });
const ours = attempt('bound', { callId: call });
const sending = attempt('sending');
const unsent = attempt('ended', { outcome: 'Unsent' });
const admitted = attempt('admitted');
const onOther = attempt('bound', { callId: 'other' });
const overOnOther = attempt('cooling', { callId: 'other', outcome: 'Normal' });
const over = attempt('ended', { outcome: 'Unknown' });
const refused = attempt('cooling', { outcome: 'Capacity' });

const notOurs = { is: 'stranger', why: 'NotOurs', dialsAgain: 'never' } as const;
const otherCall = { is: 'stranger', why: 'OtherCallUnderItsName', dialsAgain: 'never' } as const;
const endedWithoutIt = { is: 'stranger', why: 'EndedWithoutIt', dialsAgain: 'perhaps' } as const;
const notYetSent = { is: 'stranger', why: 'NotYetSent', dialsAgain: 'perhaps' } as const;

type Row = {
  readonly name: string;
  readonly status?: 'live' | 'ended';
  readonly entry?: CallHolder;
  readonly named?: CallHolder;
  readonly claim?: string;
  readonly owner: CallOwner<CallHolder, string>;
};

describe('a call is', () => {
  test.each<Row>([
    { name: 'its holder’s by its id', entry: ours, named: ours, owner: { is: 'holder', attempt: ours } },
    { name: 'its holder’s by its id, whatever its name says', entry: ours, named: sending, owner: { is: 'holder', attempt: ours } },
    { name: 'a stranger’s without a name', owner: notOurs },
    { name: 'a stranger’s with a name that nobody knows and for nobody', entry: stranger, owner: notOurs },
    { name: 'for the session that it names', claim: 'session', owner: { is: 'forgotten', claim: 'session' } },
    {
      name: 'for its session, also after it was a stranger’s',
      entry: stranger,
      claim: 'session',
      owner: { is: 'forgotten', claim: 'session' },
    },
    { name: 'awaited by the attempt of its name', named: sending, owner: { is: 'awaited', attempt: sending } },
    { name: 'awaited, also when a stranger stands for it', entry: stranger, named: sending, owner: { is: 'awaited', attempt: sending } },
    { name: 'awaited, also when it is over', status: 'ended', named: sending, owner: { is: 'awaited', attempt: sending } },
    { name: 'late for an attempt that was given up', named: unsent, owner: { is: 'given-up', attempt: unsent } },
    { name: 'late, also when a stranger stands for it', entry: stranger, named: unsent, owner: { is: 'given-up', attempt: unsent } },
    { name: 'a stranger’s when its attempt has another call', named: onOther, owner: otherCall },
    { name: 'a stranger’s when it ends and its attempt has another call', status: 'ended', named: onOther, owner: otherCall },
    { name: 'a stranger’s when the other call of its attempt is over', entry: stranger, named: overOnOther, owner: otherCall },
    { name: 'a stranger’s when it is there before it was sent', named: admitted, owner: notYetSent },
    { name: 'a stranger’s when it is over before it was sent', status: 'ended', entry: stranger, named: admitted, owner: notYetSent },
    { name: 'the end of what would make it again', status: 'ended', named: admitted, owner: { is: 'holder', attempt: admitted } },
    { name: 'a stranger’s while its attempt that was refused cools', named: refused, owner: endedWithoutIt },
    { name: 'late for an attempt that ended without it', named: over, owner: { is: 'given-up', attempt: over } },
    { name: 'late for it, also when a stranger stands for it', entry: stranger, named: over, owner: { is: 'given-up', attempt: over } },
    { name: 'known when it is over as its attempt is', status: 'ended', named: over, owner: { is: 'holder', attempt: over } },
    { name: 'the stranger’s to its end', status: 'ended', entry: stranger, named: over, owner: { is: 'holder', attempt: stranger } },
  ])('$name', ({ status = 'live', entry, named, claim, owner }) => {
    expect(ownerOf({ callId: call, status, entry, named, claim })).toEqual(owner);
  });
});
