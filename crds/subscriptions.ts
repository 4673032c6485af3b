import { z } from 'zod';
import { eachOnce, keyedBy, rules } from './server.ts';
import { subscriptionRules } from './server-rules.ts';
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
  z.strictObject({
    type: z.literal('Secret').describe('The secret comes back in the header X-Vapi-Secret. Nothing has to be set up at the provider.'),
  }),
  z.strictObject({
    type: z.literal('Bearer').describe('The secret comes as a bearer token, by a credential that was set up at the provider.'),
    credentialId: z.string().min(1).max(100).describe("The credential's id at the provider."),
    header: headerName.default('authorization').describe('Header that carries the token.'),
  }),
  z.strictObject({
    type: z.literal('Hmac').describe('The body is signed with the secret, by a credential that was set up at the provider.'),
    credentialId: z.string().min(1).max(100).describe("The credential's id at the provider."),
    algorithm: z.enum(['sha256', 'sha512', 'sha1']).default('sha256').describe('Hash of the signature.'),
    signatureHeader: headerName.default('x-signature').describe('Header that carries the signature.'),
    timestampHeader: headerName.default('x-timestamp').describe('Header that carries the time of signing.'),
    signaturePrefix: z.string().max(20).default('').describe('Text before the signature in its header, such as sha256=.'),
    encoding: z.enum(['hex', 'base64']).default('hex').describe('How the signature is written.'),
    payloadFormat: z
      .string()
      .max(100)
      .regex(/\{body\}/, 'must contain {body}; it may contain {timestamp}')
      .default('{timestamp}.{body}')
      .describe('What is signed: {body} stands for the raw body, {timestamp} for the time of signing.'),
  }),
]);
export type WebhookAuth = z.infer<typeof webhookAuth>;

const assistant = z
  .strictObject({
    name: assistantName.describe('Name by which classes refer to it; equal assistants of several projects have the same name.'),
    id: z.string().min(1).max(100).describe("The assistant's id at the provider."),
  })
  .readonly();

const phoneNumber = z
  .strictObject({
    id: z.string().min(1).max(100).describe("The phone number's id at the provider."),
    number: e164.describe('The number in E.164, in quotes.'),
    labels: labels.default({}).describe("Labels by which a class's from selects it."),
  })
  .readonly();

const project = z
  .strictObject({
    name: projectName.describe(
      'Name of the project, unique in the whole pool: lower-case letters, digits and hyphens, at most 40 characters.',
    ),
    apiKeySecretRef: secretRef.describe("Where the project's private API key lies."),
    webhookSecretRef: secretRef
      .optional()
      .describe(
        'Where the secret lies by which webhooks of this project are verified; the file may hold a new and an old one, a line each. Required with publicUrl.',
      ),
    webhookAuth: webhookAuth
      .default({ type: 'Secret' })
      .describe('How the provider proves that a webhook is its own. Default: type Secret.'),
    baseUrl: httpUrl
      .optional()
      .describe("Address of the provider's API, for a proxy or a simulator. Default: the one of the subscription's region."),
    requestsPerMinute: z
      .int()
      .min(6)
      .max(100_000)
      .default(60)
      .describe("Requests per minute that this project's key may make; calls, look-ups and polling share it."),
    weight: z
      .int()
      .min(1)
      .max(1_000)
      .default(1)
      .describe('Share of the sessions among projects with room: weight 3 gets three times those of weight 1.'),
    assistants: z
      .array(assistant)
      .min(1)
      .max(64)
      .meta(keyedBy('name'))
      .readonly()
      .describe("The project's assistants that classes may use."),
    phoneNumbers: z
      .array(phoneNumber)
      .max(256)
      .meta(keyedBy('id'))
      .default([])
      .readonly()
      .describe("The project's phone numbers, to call from and to be called at."),
    labels: labels.default({}).describe("Labels by which a class's projects selects it."),
    upstreams: z
      .array(upstreamName)
      .max(8)
      .meta(eachOnce)
      .default([])
      .readonly()
      .describe('Names of the upstreams that every session of this project uses too.'),
  })
  .readonly();

export const subscription = z
  .strictObject({
    name: subscriptionName.describe(
      'Name of the subscription, unique in the pool: lower-case letters, digits and hyphens, at most 40 characters.',
    ),
    accountId: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe(
        'Id of the billing account at the provider. It keeps two pools from counting the same lines twice, and calls counted when the subscription gets another name. Default: not checked.',
      ),
    region: z.enum(['us', 'eu']).default('us').describe("Region of the provider; it decides the API's address."),
    concurrencyLimit: z
      .int()
      .min(1)
      .max(10_000)
      .describe('Calls that the account may have at the same time, as bought. What is learned from the provider only lowers it.'),
    safetyMargin: z.int().min(0).max(1_000).default(0).describe('Slots left for calls that do not go through the pool.'),
    callsPerSecond: ratePerSecond.optional().describe('Outbound calls started per second at most, a decimal in quotes. Default: no limit.'),
    projects: z
      .array(project)
      .min(1)
      .max(16)
      .meta(keyedBy('name'))
      .readonly()
      .describe('The organisations at the provider that this account pays for.'),
  })
  .meta(rules(...subscriptionRules))
  .readonly();

export const upstream = z
  .strictObject({
    name: upstreamName.describe('Name of the upstream, unique in the pool: lower-case letters, digits and hyphens, at most 40 characters.'),
    concurrencyLimit: z.int().min(1).max(10_000).optional().describe('Units that may be in use at the same time. Default: no limit.'),
    callsPerSecond: ratePerSecond
      .optional()
      .describe('Outbound calls started per second at most over all its projects, a decimal in quotes. Default: no limit.'),
    unitsPerSession: z.int().min(1).max(100).default(1).describe('Units that one session takes.'),
  })
  .readonly();

export type SubscriptionSpec = z.infer<typeof subscription>;
export type ProjectSpec = z.infer<typeof project>;
export type UpstreamSpec = z.infer<typeof upstream>;
