import type { Scenario } from '../contract.ts';
import { lognormalSeconds, type Random, uniform } from '../random.ts';
import type { Step } from '../truth/events.ts';

/** People who are called: whether they pick up, and how long they talk. */

type OutboundTraffic = Extract<Scenario['traffic'][number], { kind: 'outbound' }>;
export type CalleeManners = Pick<OutboundTraffic, 'length' | 'answer' | 'ringSeconds'>;

/** Manners of people whom no traffic of the scenario describes: lengths of a call centre's calls, ln-seconds 4.79 ± 0.94. */
export const ordinaryManners: CalleeManners = {
  length: { mu: 4.79, sigma: 0.944, minSeconds: 5, maxSeconds: 3_600 },
  answer: { noAnswer: 0.2, busy: 0.05, voicemail: 0.1, fault: 0 },
  ringSeconds: { min: 4, max: 20 },
};

export type CallBounds = { readonly ringTimeoutMs: number; readonly maxDurationMs: number };

/** What will come of dialling someone, as steps whose instants count from the creation of the call, at speed 1. */
export function dial(random: Random, manners: CalleeManners, bounds: CallBounds): readonly Step[] {
  const setUpMs = uniform(random, { min: 300, max: 800 });
  const ringMs = uniform(random, manners.ringSeconds) * 1_000;
  const ringing = { atMs: setUpMs, status: 'ringing' } as const;
  const chance = random();
  const { noAnswer, busy, voicemail, fault } = manners.answer;

  if (chance < noAnswer || ringMs > bounds.ringTimeoutMs) {
    return [ringing, { atMs: setUpMs + bounds.ringTimeoutMs, status: 'ended', reason: 'customer-did-not-answer', outcome: 'NoAnswer' }];
  }
  if (chance < noAnswer + busy) {
    return [
      ringing,
      { atMs: setUpMs + uniform(random, { min: 500, max: 2_000 }), status: 'ended', reason: 'customer-busy', outcome: 'Busy' },
    ];
  }
  const answeredMs = setUpMs + ringMs;
  const talking = { atMs: answeredMs, status: 'in-progress' } as const;
  if (chance < noAnswer + busy + voicemail) {
    const heardMs = uniform(random, { min: 4_000, max: 10_000 });
    return [ringing, talking, { atMs: answeredMs + heardMs, status: 'ended', reason: 'voicemail', outcome: 'Voicemail' }];
  }
  if (chance < noAnswer + busy + voicemail + fault) {
    const reason = 'call.in-progress.error-vapifault-transport-never-connected';
    return [
      ringing,
      talking,
      { atMs: answeredMs + uniform(random, { min: 100, max: 5_000 }), status: 'ended', reason, outcome: 'ProviderFault' },
    ];
  }
  return [ringing, talking, endOfTalk(random, answeredMs, lognormalSeconds(random, manners.length) * 1_000, bounds.maxDurationMs)];
}

/** Someone hangs up, or the provider does at the longest duration. */
export function endOfTalk(random: Random, answeredMs: number, lengthMs: number, maxDurationMs: number): Step {
  if (lengthMs > maxDurationMs)
    return { atMs: answeredMs + maxDurationMs, status: 'ended', reason: 'exceeded-max-duration', outcome: 'Normal' };
  const reason = random() < 0.7 ? 'customer-ended-call' : 'assistant-ended-call';
  return { atMs: answeredMs + lengthMs, status: 'ended', reason, outcome: 'Normal' };
}

/** Steps at speed 1 from an instant on become instants of the clock. */
export function scheduled(steps: readonly Step[], fromMs: number, speed: number): readonly Step[] {
  return steps.map((step) => ({ ...step, atMs: fromMs + step.atMs / speed }));
}
