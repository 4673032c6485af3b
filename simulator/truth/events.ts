import { z } from 'zod';

/**
 * What happened at the simulated provider, in order. All counts of the report are folds over these events, so they are the same whether they are
 * taken as things happen or read back after a restart.
 */

/** How a call ends, in the words of the pool's `retry`. */
export const outcome = z.enum([
  'Normal',
  'Busy',
  'NoAnswer',
  'Voicemail',
  'ProviderFault',
  'Cancelled',
  'Rejected',
  'Abandoned',
  'Foreign',
]);
export type Outcome = z.infer<typeof outcome>;

export const status = z.enum(['queued', 'ringing', 'in-progress', 'forwarding', 'ended']);
export type Status = z.infer<typeof status>;

/** Something that will happen to a call unless its plan is changed before. */
export const step = z.union([
  z.strictObject({ atMs: z.number(), status: status.exclude(['ended']) }),
  z.strictObject({ atMs: z.number(), status: z.literal('ended'), reason: z.string(), outcome }),
]);
export type Step = z.infer<typeof step>;

export const callRecord = z.strictObject({
  id: z.string(),
  project: z.string().optional(),
  subscription: z.string(),
  kind: z.enum(['inbound', 'outbound', 'foreign']),
  class: z.string().optional(),
  name: z.string().optional(),
  assistantId: z.string().optional(),
  phoneNumberId: z.string().optional(),
  customer: z.strictObject({ number: z.string(), name: z.string().optional() }).optional(),
  assistantOverrides: z.record(z.string(), z.unknown()).optional(),
  /** Part of the control URL that nobody can guess. */
  controlToken: z.string(),
  /** How long an inbound caller talks once an assistant answers, milliseconds at speed 1. */
  lengthMs: z.number().optional(),
});
export type CallRecord = z.infer<typeof callRecord>;

const at = { atMs: z.number() };
export const truthEvent = z.discriminatedUnion('event', [
  /** The simulator began, or began again: nothing is known of the time since the event before. A new `run` is a new run of the pool. */
  z.strictObject({ event: z.literal('opened'), ...at, run: z.string().optional() }),
  z.strictObject({ event: z.literal('traffic'), ...at, running: z.boolean() }),
  z.strictObject({ event: z.literal('lead'), ...at, class: z.string(), number: z.string() }),
  z.strictObject({ event: z.literal('arrival'), ...at, dialled: z.string(), taken: z.boolean() }),
  z.strictObject({ event: z.literal('created'), ...at, call: callRecord, steps: z.array(step) }),
  z.strictObject({
    event: z.literal('planned'),
    ...at,
    id: z.string(),
    steps: z.array(step),
    assistantOverrides: callRecord.shape.assistantOverrides,
    assistantId: z.string().optional(),
  }),
  z.strictObject({ event: z.literal('status'), ...at, id: z.string(), status: status.exclude(['ended']) }),
  z.strictObject({ event: z.literal('ended'), ...at, id: z.string(), reason: z.string(), outcome, freeAtMs: z.number() }),
  z.strictObject({ event: z.literal('freed'), ...at, id: z.string() }),
  /** An inbound caller got an answer, or the deadline passed. `reserveFree` is how it was when the call came in. */
  z.strictObject({
    event: z.literal('answered'),
    ...at,
    id: z.string(),
    answer: z.enum(['assistant', 'destination', 'error', 'failed', 'late']),
    tookMs: z.number(),
    reserveFree: z.boolean(),
  }),
  z.strictObject({ event: z.literal('refused'), ...at, project: z.string(), why: z.enum(['over-limit', 'request-rate']) }),
  z.strictObject({ event: z.literal('limit'), ...at, subscription: z.string(), limit: z.number() }),
  z.strictObject({ event: z.literal('violation'), ...at, what: z.string() }),
]);
export type TruthEvent = z.infer<typeof truthEvent>;

/** Something that keeps count of one aspect. */
export type Observer = { readonly observe: (event: TruthEvent) => void };
