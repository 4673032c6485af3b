import { z } from 'zod';
import { assistantName, e164, httpUrl, labels, projectName, ratePerSecond, secretRef, subscriptionName, upstreamName } from './values.ts';

/** Provider limit domains and what lies in them. */

/** A custom header's name. */
const headerName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'must be the name of an HTTP header');

/**
 * How the provider proves that a webhook is its own. `Secret` is `X-Vapi-Secret`, which we send along with every call; `Bearer` and `Hmac`
 * are custom credentials of the provider and name their `credentialId`.
 */
const webhookAuth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('Secret') }),
  z.strictObject({ type: z.literal('Bearer'), credentialId: z.string().min(1).max(100), header: headerName.default('authorization') }),
  z.strictObject({
    type: z.literal('Hmac'),
    credentialId: z.string().min(1).max(100),
    algorithm: z.enum(['sha256', 'sha512', 'sha1']).default('sha256'),
    signatureHeader: headerName.default('x-signature'),
    timestampHeader: headerName.default('x-timestamp'),
    signaturePrefix: z.string().max(20).default(''),
    encoding: z.enum(['hex', 'base64']).default('hex'),
    payloadFormat: z
      .string()
      .max(100)
      .refine((format) => format.includes('{body}'), 'must contain {body}; it may contain {timestamp}')
      .default('{timestamp}.{body}'),
  }),
]);
export type WebhookAuth = z.infer<typeof webhookAuth>;

const assistant = z.strictObject({ name: assistantName, id: z.string().min(1).max(100) }).readonly();

const phoneNumber = z.strictObject({ id: z.string().min(1).max(100), number: e164, labels: labels.default({}) }).readonly();

const project = z
  .strictObject({
    name: projectName,
    apiKeySecretRef: secretRef,
    webhookSecretRef: secretRef.optional(),
    webhookAuth: webhookAuth.default({ type: 'Secret' }),
    baseUrl: httpUrl.optional(),
    requestsPerMinute: z.int().min(6).max(100_000).default(60),
    weight: z.int().min(1).max(1_000).default(1),
    assistants: z.array(assistant).min(1).max(64).readonly(),
    phoneNumbers: z.array(phoneNumber).max(256).default([]).readonly(),
    labels: labels.default({}),
    upstreams: z.array(upstreamName).max(8).default([]).readonly(),
  })
  .readonly();

export const subscription = z
  .strictObject({
    name: subscriptionName,
    accountId: z.string().min(1).max(100).optional(),
    region: z.enum(['us', 'eu']).default('us'),
    concurrencyLimit: z.int().min(1).max(10_000),
    safetyMargin: z.int().min(0).max(1_000).default(0),
    callsPerSecond: ratePerSecond.optional(),
    projects: z.array(project).min(1).max(16).readonly(),
  })
  .readonly();

export const upstream = z
  .strictObject({
    name: upstreamName,
    concurrencyLimit: z.int().min(1).max(10_000).optional(),
    callsPerSecond: ratePerSecond.optional(),
    unitsPerSession: z.int().min(1).max(100).default(1),
  })
  .readonly();

export type SubscriptionSpec = z.infer<typeof subscription>;
export type ProjectSpec = z.infer<typeof project>;
export type UpstreamSpec = z.infer<typeof upstream>;
