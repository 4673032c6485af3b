import { type AttemptOutcome, unexplainedRefusal } from '../../capacity/outcomes.ts';
import type { EndOutcome, ReportedLimits } from './contract.ts';
import { redact } from './redact.ts';
import { createdCall, reportedLimits } from './wire.ts';

/**
 * The one place where the provider's words become outcomes: answers to a creation, and reasons for which calls ended.
 */

/** What an answer to `POST /call` says. Only `Ambiguous` leaves open whether a call exists. */
export type CreateVerdict =
  | {
      readonly outcome: 'Created';
      readonly callId: string;
      /** Empty when the answer does not name it. */
      readonly orgId: string;
      readonly controlUrl: string | undefined;
      readonly limits: ReportedLimits | undefined;
    }
  | {
      readonly outcome: Extract<AttemptOutcome, 'Capacity' | 'Throttled' | 'Permanent' | 'ProjectFault'>;
      readonly detail: string;
      readonly limits: ReportedLimits | undefined;
    }
  | { readonly outcome: 'Ambiguous'; readonly detail: string };

/**
 * Refusals of a creation by what their text says, first match wins. They come as 400 whatever they are about, so the text decides between "this
 * session never" (Permanent) and "this project not now" (ProjectFault). An unknown text ends its session, for trying it again would say the same; of
 * several sessions in a row, the breaker takes it for a fault of the project.
 */
const refusalTexts: readonly {
  readonly about: string;
  readonly text: RegExp;
  readonly outcome: 'Capacity' | 'Permanent' | 'ProjectFault';
}[] = [
  { about: 'no line free', text: /over concurrency limit/i, outcome: 'Capacity' },
  { about: 'money', text: /credit|wallet|billing|frozen|payment|subscription|fraud/i, outcome: 'ProjectFault' },
  { about: 'calls per day of a free number', text: /daily (outbound )?(call )?limit/i, outcome: 'ProjectFault' },
  { about: 'who is called', text: /customer|e\.?164|international/i, outcome: 'Permanent' },
  {
    about: 'what every call of the project carries',
    text: /assistant|phone ?number|phoneNumberId|server|transport/i,
    outcome: 'ProjectFault',
  },
];

/** Refusals of a creation by their status alone. What is not listed here and is no 2xx may or may not have created a call. */
const refusalStatuses: ReadonlyMap<number, 'Throttled' | 'Permanent' | 'ProjectFault'> = new Map([
  // A redirect is never followed: the address that was configured is not the provider's.
  [301, 'ProjectFault'],
  [302, 'ProjectFault'],
  [307, 'ProjectFault'],
  [308, 'ProjectFault'],
  [400, 'Permanent'],
  [401, 'ProjectFault'],
  [402, 'ProjectFault'],
  [403, 'ProjectFault'],
  [404, 'ProjectFault'],
  [405, 'ProjectFault'],
  [413, 'Permanent'],
  [422, 'Permanent'],
  [429, 'Throttled'],
]);

/** Classifies the answer to a creation. */
export function classifyCreate(status: number, body: unknown): CreateVerdict {
  const limits = reportedLimits(body);
  if (status >= 200 && status < 300) return classifyAccepted(status, body, limits);

  const byStatus = refusalStatuses.get(status);
  const detail = redact(`${status} ${messageOf(body)}`.trim());
  if (byStatus === undefined) return { outcome: 'Ambiguous', detail };
  if (limits?.blocked) return { outcome: 'Capacity', detail, limits };
  const byText = refusalTexts.find(({ text }) => text.test(messageOf(body)))?.outcome;
  if (byText === 'Capacity') return { outcome: 'Capacity', detail, limits };
  if (status === 400 && byText !== undefined) return { outcome: byText, detail, limits };
  // Too large or not processable (413, 422) is the session itself, whatever the words.
  return { outcome: byStatus, detail: status === 400 ? `${unexplainedRefusal}: ${detail}` : detail, limits };
}

/** A 2xx may still say that the gate blocked the call; and without an id that we can read, a call that we do not know may be ringing. */
function classifyAccepted(status: number, body: unknown, limits: ReportedLimits | undefined): CreateVerdict {
  if (limits?.blocked) return { outcome: 'Capacity', detail: `${status} concurrencyBlocked`, limits };
  const call = createdCall.safeParse(body);
  if (!call.success) return { outcome: 'Ambiguous', detail: `${status} without a readable call` };
  return { outcome: 'Created', callId: call.data.id, orgId: call.data.orgId, controlUrl: call.data.monitor?.controlUrl, limits };
}

const maxMessages = 20;
const maxMessageLength = 4_000;

function messageOf(body: unknown): string {
  if (typeof body === 'string') return body.slice(0, maxMessageLength);
  if (typeof body !== 'object' || body === null) return '';
  const message = 'message' in body ? body.message : 'error' in body ? body.error : '';
  const texts: readonly unknown[] = Array.isArray(message) ? message : [message];
  // Text alone: turning anything else into text may overflow the stack (nested lists) or throw (`{"toString": 1}`), when the call is already made.
  return texts
    .slice(0, maxMessages)
    .filter((one) => typeof one === 'string')
    .join('; ')
    .slice(0, maxMessageLength);
}

type ReasonGroup = { readonly group: string; readonly outcome: EndOutcome; readonly reasons: readonly string[] };

/** Reasons that have a meaning of their own, grouped by what they say about the call. */
export const endReasons: readonly ReasonGroup[] = [
  {
    group: 'The conversation ended',
    outcome: 'Normal',
    reasons: [
      'assistant-ended-call',
      'assistant-said-end-call-phrase',
      'assistant-ended-call-with-hangup-task',
      'assistant-ended-call-after-message-spoken',
      'assistant-forwarded-call',
      'assistant-request-returned-forwarding-phone-number',
      'customer-ended-call',
      'customer-ended-call-before-warm-transfer',
      'customer-ended-call-after-warm-transfer-attempt',
      'customer-ended-call-during-transfer',
      'exceeded-max-duration',
      'silence-timed-out',
      'vonage-disconnected',
      'vonage-completed',
      'call.in-progress.twilio-completed-call',
      'call.in-progress.sip-completed-call',
      'call.ringing.hook-executed-say',
      'call.ringing.hook-executed-transfer',
      'call.ending.hook-executed-say',
      'call.ending.hook-executed-transfer',
    ],
  },
  {
    // The person has been talked to: a redial would be the second conversation, not a second try.
    group: 'The conversation took place, its transfer failed',
    outcome: 'Normal',
    reasons: [
      'call.forwarding.operator-busy',
      'call.forwarding.no-answer',
      'call.in-progress.error-transfer-failed',
      'call.in-progress.error-warm-transfer-max-duration',
      'call.in-progress.error-warm-transfer-assistant-cancelled',
      'call.in-progress.error-warm-transfer-silence-timeout',
      'call.in-progress.error-warm-transfer-microphone-timeout',
    ],
  },
  { group: 'The callee was busy or declined', outcome: 'Busy', reasons: ['customer-busy', 'vonage-rejected'] },
  {
    group: 'The callee could not be reached',
    outcome: 'NoAnswer',
    reasons: [
      'customer-did-not-answer',
      'customer-did-not-give-microphone-permission',
      'twilio-failed-to-connect-call',
      'vonage-failed-to-connect-call',
      'call.in-progress.error-sip-outbound-call-failed-to-connect',
    ],
  },
  { group: 'An answering machine took the call', outcome: 'Voicemail', reasons: ['voicemail'] },
  {
    group: 'The number cannot be called',
    outcome: 'Permanent',
    reasons: ['twilio-reported-customer-misdialed', 'call.start.error-vapi-number-international', 'call.start.error-get-customer'],
  },
  { group: 'No line was free', outcome: 'Capacity', reasons: ['call.start.error-subscription-concurrency-limit-reached'] },
  {
    group: 'The account cannot place calls',
    outcome: 'ProjectFault',
    reasons: [
      'call.start.error-subscription-frozen',
      'call.start.error-subscription-insufficient-credits',
      'call.start.error-subscription-wallet-does-not-exist',
      'call.start.error-subscription-upgrade-failed',
      'call.start.error-fraud-check-failed',
      'call.start.error-vapi-number-outbound-daily-limit',
      'call.start.error-enterprise-feature-not-available-recording-consent',
    ],
  },
  {
    group: 'The project is set up wrongly',
    outcome: 'ProjectFault',
    reasons: [
      'call-start-error-neither-assistant-nor-server-set',
      'assistant-not-found',
      'assistant-not-valid',
      'assistant-request-returned-invalid-assistant',
      'call.start.assistant-version-error-validation',
      'call.start.error-get-assistant',
      'call.start.error-get-phone-number',
      'call.start.error-get-resources-validation',
      'call.start.error-get-transport',
    ],
  },
  {
    group: 'Somebody called it off',
    outcome: 'Cancelled',
    reasons: [
      'manually-canceled',
      'scheduled-call-deleted',
      'call-deleted',
      'assistant-request-returned-error',
      'call.ringing.sip-inbound-caller-hungup-before-call-connect',
    ],
  },
  {
    group: 'The provider failed',
    outcome: 'ProviderFault',
    reasons: [
      'assistant-join-timed-out',
      'assistant-request-failed',
      'assistant-request-returned-no-assistant',
      'assistant-request-returned-unspeakable-error',
      'call.in-progress.error-assistant-did-not-receive-customer-audio',
      'call.in-progress.error-pipeline-no-available-llm-model',
      'call.in-progress.error-pipeline-ws-model-connection-failed',
      'call.in-progress.error-sip-inbound-call-failed-to-connect',
      'call.ringing.error-sip-inbound-call-failed-to-connect',
      'call.start.error-vapifault-get-org',
      'call.start.error-vapifault-get-subscription',
      'call.start.error-vapifault-database-error',
      'phone-call-provider-bypass-enabled-but-no-call-received',
      'phone-call-provider-closed-websocket',
      'worker-shutdown',
    ],
  },
];

/** Families with hundreds of members that say who failed, not what to do differently; new members appear weekly. */
const knownFamilies: readonly RegExp[] = [/^call\.in-progress\.error-(vapifault|providerfault)-/, /^pipeline-error-/];

/** Reasons that we have not seen: those of a call that never began or that broke are faults, every other one is an end as any. */
const unknownFaults: readonly RegExp[] = [/^call\.in-progress\.error-/, /^call\.ringing\.error-/, /^call\.start\./];

const outcomeOf: ReadonlyMap<string, EndOutcome> = new Map(
  endReasons.flatMap(({ outcome, reasons }) => reasons.map((reason) => [reason, outcome] as const)),
);

/** What the end of a call means for its attempt. */
export function classifyEnd(endedReason: string | undefined): EndOutcome {
  if (endedReason === undefined) return 'Normal';
  const listed = outcomeOf.get(endedReason);
  if (listed !== undefined) return listed;
  return [...knownFamilies, ...unknownFaults].some((family) => family.test(endedReason)) ? 'ProviderFault' : 'Normal';
}

/** Whether this release knows the reason; one that it does not know is worth a look (and a metric). */
export function isKnownReason(endedReason: string): boolean {
  return outcomeOf.has(endedReason) || knownFamilies.some((family) => family.test(endedReason));
}
