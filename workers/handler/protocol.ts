import { z } from 'zod';

/** What the worker and the thread of the team's module say to each other. */

/** Longest answer of a module, in characters of JSON. */
export const maxAnswerLength = 2_000_000;

/** What the thread is started with. */
export type ThreadData = { readonly url: string; readonly maxAnswerLength: number };

export type ToThread =
  | { readonly kind: 'event'; readonly id: number; readonly type: string; readonly project: string; readonly raw: Uint8Array }
  /** Answered at once by a thread whose event loop turns. */
  | { readonly kind: 'ping' };

export type FromThread =
  | { readonly kind: 'ready' }
  /** The module cannot be used as it is. */
  | { readonly kind: 'unusable'; readonly detail: string }
  /** What the module returned, as JSON; absent when it returned nothing. */
  | { readonly kind: 'answer'; readonly id: number; readonly json?: string | undefined }
  | { readonly kind: 'error'; readonly id: number; readonly detail: string }
  | { readonly kind: 'pong' };

/** The module shares the thread and may post what it likes. */
export const fromThread: z.ZodType<FromThread> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('unusable'), detail: z.string() }),
  z.object({ kind: z.literal('answer'), id: z.int(), json: z.string().optional() }),
  z.object({ kind: z.literal('error'), id: z.int(), detail: z.string() }),
  z.object({ kind: z.literal('pong') }),
]);
