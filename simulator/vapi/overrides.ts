import { z } from 'zod';

/** What the simulator acts on among the overrides of an assistant. They were judged by the description before; this only reads them. */
const overrides = z.object({
  maxDurationSeconds: z.number().default(600),
  server: z
    .object({
      url: z.string(),
      timeoutSeconds: z.number().default(20),
      credentialId: z.string().optional(),
      headers: z.record(z.string(), z.string()).default({}),
      backoffPlan: z
        .object({
          type: z.enum(['fixed', 'exponential']),
          maxRetries: z.number(),
          baseDelaySeconds: z.number(),
          excludedStatusCodes: z.array(z.number()).default([]),
        })
        .optional(),
    })
    .optional(),
  /** Of the provider's default set, these are the ones that the simulator sends. */
  serverMessages: z.array(z.string()).default(['status-update', 'end-of-call-report']),
  transportConfigurations: z.array(z.object({ timeout: z.number().default(60) })).default([]),
  metadata: z.object({ trunkline: z.object({ class: z.string() }).optional() }).optional(),
});
export type Overrides = z.infer<typeof overrides>;
export type WebhookServer = NonNullable<Overrides['server']>;

export function readOverrides(value: unknown): Overrides {
  return overrides.parse(value ?? {});
}
