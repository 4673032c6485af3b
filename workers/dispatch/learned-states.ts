import { z } from 'zod';
import type { BreakerState } from '../../capacity/breaker/breaker.ts';
import type { SubscriptionState } from '../../capacity/ceiling/ceiling.ts';
import type { ReleaseLag } from '../../capacity/ceiling/release-lag.ts';

/** Learned states as the ledger keeps them. One that another release wrote differently is not read: it is learned anew. */

export const subscriptionState: z.ZodType<SubscriptionState> = z.object({
  learned: z.number().nullable(),
  foreign: z.number(),
  suspected: z.object({ lines: z.number(), sinceMs: z.number() }).nullable(),
  probe: z.object({ atMs: z.number(), delayMs: z.number(), step: z.number() }).nullable(),
});

export const releaseLag: z.ZodType<ReleaseLag> = z.object({
  blocks: z.array(z.number()).min(1),
  current: z.object({ longestMs: z.number(), secondMs: z.number(), readings: z.number() }),
  trimMs: z.number(),
  readings: z.enum(['none', 'told']),
  dials: z.number(),
});

export const breakerState: z.ZodType<BreakerState> = z.object({
  phase: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('closed') }),
    z.object({
      kind: z.literal('faulted'),
      reason: z.string(),
      stops: z.enum(['creations', 'everything']).default('creations'),
      sinceMs: z.number(),
      delayMs: z.number(),
      retryAtMs: z.number(),
    }),
    z.object({ kind: z.literal('open'), retryAtMs: z.number(), sent: z.number(), lastSentMs: z.number(), succeeded: z.number() }),
  ]),
  window: z.array(z.object({ atMs: z.number(), failed: z.boolean() })),
  refusedInARow: z.number().default(0),
  throttledUntilMs: z.number(),
});
