import { z } from 'zod';
import { rules } from './server.ts';
import { backoffRules, classRules } from './server-rules.ts';
import { assistantName, className, duration, e164, e164Prefix, labels, projectName, selector, subscriptionName } from './values.ts';

/** Priority classes: who comes first, how much is kept for them, and what happens when there is no room. */

/** Bounds of one conversation, sent with every call. A class may override the pool's. */
export const sessionBounds = z
  .strictObject({
    maxDuration: duration('10s', '12h')
      .optional()
      .describe('Longest conversation of this class; the provider ends it then. Default: spec.session.maxDuration.'),
    ringTimeout: duration('5s', '10m')
      .optional()
      .describe('How long a dialled phone of this class may ring. Default: spec.session.ringTimeout.'),
    silenceTimeout: duration('5s', '1h')
      .optional()
      .describe('Silence after which a call of this class is ended. Default: spec.session.silenceTimeout.'),
  })
  .readonly();

/** What a caller hears or where the caller goes when no slot is free. */
const fallback = z.union([
  z.strictObject({ message: z.string().min(1).max(1_000).describe('Text that is spoken to the caller before the call ends.') }),
  z.strictObject({
    transfer: z
      .strictObject({
        number: e164.describe('Phone number in E.164 that the caller is put through to. It must be inside spec.destinations.allow.'),
      })
      .describe('Puts the caller through to another phone.'),
  }),
]);
export type Fallback = z.infer<typeof fallback>;

/** Outcomes after which a number may be dialled again for the same session. */
export const retryableOutcome = z.enum(['Busy', 'NoAnswer', 'Voicemail', 'ProviderFault']);

const retry = z
  .strictObject({
    maxAttempts: z.int().min(1).max(20).default(1).describe('Calls per session at most, the first one included.'),
    backoff: z
      .strictObject({
        initial: duration('1s', '168h').default('15m').describe('Wait before the second attempt; it doubles with every further one.'),
        max: duration('1s', '168h').default('6h').describe('Longest wait between two attempts.'),
      })
      .meta(rules(...backoffRules))
      .default({ initial: '15m', max: '6h' })
      .describe('How long to wait between attempts.'),
    // Not `on`: kubectl reads YAML 1.1, to which that is a truth value.
    outcomes: z
      .array(retryableOutcome)
      .max(4)
      .default(['Busy', 'NoAnswer', 'ProviderFault'])
      .readonly()
      .describe('Outcomes of a call after which the session is tried again. After any other it ends.'),
  })
  .readonly();

const match = z.strictObject({
  dialled: z
    .array(e164)
    .max(256)
    .default([])
    .readonly()
    .describe("Numbers of the pool that were called, in E.164. Empty takes every number of the projects that have the class's assistant."),
  callers: z
    .array(e164Prefix)
    .max(256)
    .default([])
    .readonly()
    .describe("Prefixes of callers' numbers, such as +4420. Empty takes every caller."),
  labels: labels.default({}).describe('Labels that a session must carry. Empty takes every session.'),
});

export const classSpec = z
  .strictObject({
    name: className.describe('Name of the class, unique in the pool: lower-case letters, digits and hyphens, at most 40 characters.'),
    priority: z
      .int()
      .min(0)
      .max(1_000_000)
      .describe(
        'Higher comes first. A session never gets a slot that a waiting session of higher priority could take; equal priorities share by weight.',
      ),
    direction: z
      .enum(['Inbound', 'Outbound', 'Any'])
      .describe('Inbound: calls that come in. Outbound: calls that the pool places. Any: both.'),
    assistant: assistantName.describe(
      "Name of the assistant that speaks, as the projects' assistants name it. A class runs only on projects that have it.",
    ),
    reserved: z
      .int()
      .min(0)
      .max(10_000)
      .optional()
      .describe(
        'Slots that are always kept for this class, wherever it may run. For calls that come in over several subscriptions use reservedAt. Default: 0.',
      ),
    reservedAt: z
      .record(subscriptionName, z.int().min(0).max(10_000).describe('Slots kept for this class in the subscription of that name.'))
      .refine((at) => Object.keys(at).length <= 8, 'must name at most 8 subscriptions')
      .meta({ maxProperties: 8 })
      .optional()
      .describe('Slots that are always kept for this class in each of these subscriptions. Excludes reserved. Default: none.'),
    limit: z.int().min(1).max(10_000).optional().describe('Slots that this class uses at most at the same time. Default: no limit.'),
    weight: z
      .int()
      .min(1)
      .max(1_000)
      .default(1)
      .describe('Share among classes of equal priority: weight 3 gets three times the slot time of weight 1.'),
    match: match
      .default({ dialled: [], callers: [], labels: {} })
      .describe(
        'Which sessions are of this class when they do not name one. The closest match takes a call: dialled number, then caller, then labels, then priority.',
      ),
    from: selector
      .optional()
      .describe('Which phone numbers calls are placed from. Outbound only. Default, and if empty: any number of the project.'),
    projects: selector
      .default({ matchLabels: {} })
      .describe('Which projects this class may run on. Empty: every project that has its assistant and a number for it.'),
    affinity: z
      .array(z.string().min(1).max(63).describe('A label key.'))
      .max(4)
      .default([])
      .readonly()
      .describe('Label keys: sessions with equal values stay on the same project while it has room.'),
    maxWait: duration('0s', '6s')
      .optional()
      .describe(
        'How long a caller hears ringing while no slot is free, before overflow. Inbound only; the provider allows 7.5 s. Default: 2s.',
      ),
    whenUnavailable: fallback
      .optional()
      .describe('Answer to callers while the ledger or the dispatcher cannot be reached. Inbound only. Default: a short apology.'),
    overflow: z
      .array(fallback)
      .max(1)
      .default([])
      .readonly()
      .describe('What becomes of a caller for whom no slot got free within maxWait. Inbound only. Empty: a short apology.'),
    queue: z
      .strictObject({
        maxDepth: z
          .int()
          .min(1)
          .max(20_000_000)
          .default(100_000)
          .describe('Sessions that may wait; further ones are refused with 429 and a time to come back.'),
      })
      .default({ maxDepth: 100_000 })
      .describe('The queue of this class.'),
    retry: retry.optional().describe('When a session is tried again after a call that failed. Outbound only. Default: one attempt.'),
    session: sessionBounds.default({}).describe("Bounds of one conversation that differ from the pool's."),
  })
  .meta(rules(...classRules))
  .readonly();

export type ClassSpec = z.infer<typeof classSpec>;
export type RetryableOutcome = z.infer<typeof retryableOutcome>;
export const projectPin = projectName;
