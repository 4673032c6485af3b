import { z } from 'zod';
import { classSpec } from './classes.ts';
import { brokenRules } from './rules.ts';
import { subscription, upstream } from './subscriptions.ts';
import { duration, e164Prefix, httpUrl, poolName, secretRef } from './values.ts';

/**
 * VoiceCapacityPool, the one source of the custom resource: what a team declares, bounded everywhere. A field stands here only when there is
 * behaviour behind it. Rules that span fields are in `rules.ts`; what needs arithmetic over limits is decided in `capacity/policy/`.
 */

const handler = z.union([
  z.strictObject({ url: httpUrl, secretRef: secretRef.optional(), timeout: duration('100ms', '20s').default('5s') }),
  z.strictObject({ module: z.string().min(1).max(500), timeout: duration('100ms', '20s').default('5s') }),
]);

const poolFields = z.strictObject({
  mode: z.enum(['Active', 'Hold', 'Observe']).default('Active'),
  publicUrl: httpUrl.optional(),
  intake: z.strictObject({ tokensSecretRef: secretRef.optional() }).default({}),
  ledger: z.strictObject({ secretRef }).optional(),
  retention: z
    .strictObject({ sessions: duration('1h', '8760h').default('720h'), phoneNumbers: duration('1h', '8760h').default('168h') })
    .default({ sessions: '720h', phoneNumbers: '168h' }),
  session: z
    .strictObject({
      maxDuration: duration('10s', '12h').default('10m'),
      ringTimeout: duration('5s', '10m').default('60s'),
      silenceTimeout: duration('5s', '1h').default('30s'),
    })
    .default({ maxDuration: '10m', ringTimeout: '60s', silenceTimeout: '30s' }),
  budget: z
    .strictObject({
      maxConcurrentSessions: z.int().min(1).max(100_000).optional(),
      inbound: z.int().min(1).max(100_000).optional(),
      outbound: z.int().min(1).max(100_000).optional(),
    })
    .default({}),
  subscriptions: z.array(subscription).min(1).max(8).readonly(),
  upstreams: z.array(upstream).max(16).default([]).readonly(),
  destinations: z
    .strictObject({ allow: z.array(e164Prefix).min(1).max(250).optional(), maxDialsPerDay: z.int().min(1).max(100).default(3) })
    .default({ maxDialsPerDay: 3 }),
  handler: handler.optional(),
  results: z.strictObject({ url: httpUrl, secretRef: secretRef.optional(), maxConcurrent: z.int().min(1).max(100).default(8) }).optional(),
  classes: z.array(classSpec).min(1).max(32).readonly(),
  workers: z
    .strictObject({
      sessionsPerWorker: z.int().min(1).max(1_000).default(25),
      drain: z.strictObject({ timeout: duration('1s', '1h').default('30s') }).default({ timeout: '30s' }),
    })
    .default({ sessionsPerWorker: 25, drain: { timeout: '30s' } }),
});

export type PoolSpec = z.infer<typeof poolFields>;

/** The fields and, once they are sound each for itself, the rules over several of them. */
export const poolSpec = poolFields.superRefine(
  (spec, context) => {
    for (const { path, message } of brokenRules(spec)) context.addIssue({ code: 'custom', path: [...path], message });
  },
  { when: ({ issues }) => issues.length === 0 },
);

export const poolManifest = z.strictObject({
  apiVersion: z.literal('trunkline.dev/v1alpha1'),
  kind: z.literal('VoiceCapacityPool'),
  metadata: z.object({ name: poolName, namespace: z.string().max(63).optional() }),
  spec: poolSpec,
});

export type PoolManifest = z.infer<typeof poolManifest>;
export type HandlerSpec = z.infer<typeof handler>;
