import { z } from 'zod';
import type { PoolView } from '../capacity/view.ts';

/** `GET /v1/pool`. The view comes from the same release as its reader, or is not shown: its outline is checked, its figures are not. */
const poolView = z.custom<PoolView>(
  (value) =>
    z.object({ classes: z.array(z.object({})), subscriptions: z.array(z.object({})), slots: z.object({}) }).safeParse(value).success,
  'is not a view that this release can show',
);

export const poolAnswer = z.object({
  pool: z.string(),
  view: poolView.nullable(),
  ageMs: z.number().nullable(),
  queued: z.record(z.string(), z.number()),
});
export type PoolAnswer = z.infer<typeof poolAnswer>;
