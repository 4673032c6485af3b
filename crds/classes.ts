import { z } from 'zod';
import { assistantName, className, duration, e164, e164Prefix, labels, projectName, selector, subscriptionName } from './values.ts';

/** Priority classes: who comes first, how much is kept for them, and what happens when there is no room. */

/** Bounds of one conversation, sent with every call. A class may override the pool's. */
export const sessionBounds = z
  .strictObject({
    maxDuration: duration('10s', '12h').optional(),
    ringTimeout: duration('5s', '10m').optional(),
    silenceTimeout: duration('5s', '1h').optional(),
  })
  .readonly();

/** What a caller hears or where the caller goes when no slot is free. */
const fallback = z.union([
  z.strictObject({ message: z.string().min(1).max(1_000) }),
  z.strictObject({ transfer: z.strictObject({ number: e164 }) }),
]);
export type Fallback = z.infer<typeof fallback>;

/** Outcomes after which a number may be dialled again for the same session. */
export const retryableOutcome = z.enum(['Busy', 'NoAnswer', 'Voicemail', 'ProviderFault']);

const retry = z
  .strictObject({
    maxAttempts: z.int().min(1).max(20).default(1),
    backoff: z
      .strictObject({ initial: duration('1s', '168h').default('15m'), max: duration('1s', '168h').default('6h') })
      .default({ initial: '15m', max: '6h' }),
    on: z.array(retryableOutcome).max(4).default(['Busy', 'NoAnswer', 'ProviderFault']).readonly(),
  })
  .readonly();

export const classSpec = z
  .strictObject({
    name: className,
    priority: z.int().min(0).max(1_000_000),
    direction: z.enum(['Inbound', 'Outbound', 'Any']),
    assistant: assistantName,
    reserved: z.int().min(0).max(10_000).optional(),
    reservedAt: z
      .record(subscriptionName, z.int().min(0).max(10_000))
      .refine((at) => Object.keys(at).length <= 8, 'must name at most 8 subscriptions')
      .optional(),
    limit: z.int().min(1).max(10_000).optional(),
    weight: z.int().min(1).max(1_000).default(1),
    match: z
      .strictObject({
        dialled: z.array(e164).max(256).default([]).readonly(),
        callers: z.array(e164Prefix).max(256).default([]).readonly(),
        labels: labels.default({}),
      })
      .default({ dialled: [], callers: [], labels: {} }),
    from: selector.default({ matchLabels: {} }),
    projects: selector.default({ matchLabels: {} }),
    affinity: z.array(z.string().min(1).max(63)).max(4).default([]).readonly(),
    maxWait: duration('0s', '6s').optional(),
    whenUnavailable: fallback.optional(),
    overflow: z.array(fallback).max(1).default([]).readonly(),
    queue: z.strictObject({ maxDepth: z.int().min(1).max(20_000_000).default(100_000) }).default({ maxDepth: 100_000 }),
    retry: retry.optional(),
    session: sessionBounds.default({}),
  })
  .readonly();

export type ClassSpec = z.infer<typeof classSpec>;
export type RetryableOutcome = z.infer<typeof retryableOutcome>;
export const projectPin = projectName;
