import { z } from 'zod';

/** What a worker and its dispatcher's thread say to each other. */

export const toThread = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('stand'),
    workerId: z.int(),
    /** The highest figures of the ledger that the worker has seen. */
    remembered: z.object({ epoch: z.number(), beats: z.number() }).optional(),
  }),
  z.object({ kind: z.literal('stop') }),
]);
export type ToThread = z.infer<typeof toThread>;

export const fromThread = z.object({ kind: z.enum(['elected', 'not-elected']) });
export type FromThread = z.infer<typeof fromThread>;
