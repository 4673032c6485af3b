import { z } from 'zod';
import { classSpec } from './classes.ts';
import { brokenRules } from './rules.ts';
import { scaling, usualScaling } from './scaling.ts';
import { keyedBy, rules } from './server.ts';
import { budgetRules, poolRules } from './server-rules.ts';
import { subscription, upstream } from './subscriptions.ts';
import { destination, duration, httpUrl, poolName, secretRef } from './values.ts';
import { usualWorkers, workers } from './workers.ts';

/**
 * VoiceCapacityPool, the one source of the custom resource: what a team declares, bounded everywhere. A field stands here only when there is
 * behaviour behind it. Rules that span fields are in `rules.ts`; what needs arithmetic over limits is decided in `capacity/policy/`.
 */

const handler = z.union([
  z.strictObject({
    url: httpUrl.describe('Where events of sessions are posted; the answer goes back to the provider.'),
    secretRef: secretRef.optional().describe('Where the secret lies that signs what is posted. Default: not signed.'),
    timeout: duration('100ms', '20s').default('5s').describe('How long an answer may take.'),
  }),
  z.strictObject({
    module: z.string().min(1).max(500).describe('Path of a module on the workers that gets the events; it runs in a thread of its own.'),
    timeout: duration('100ms', '20s').default('5s').describe('How long an answer may take.'),
    stateful: z
      .boolean()
      .default(false)
      .describe(
        'Whether the module keeps something of a call in memory between two events. Then all events of a call go to one worker, which stays until the call is over, within its `workers.drain.timeout`.',
      ),
  }),
]);

const intake = z.strictObject({
  tokensSecretRef: secretRef
    .optional()
    .describe(
      'Where bearer tokens are declared, a line each: the SHA-256 of a token in hex and, where it reaches one class only, a space and the class; `trunkline token create --offline` makes both. Default: none; `trunkline up` alone makes a token by itself.',
    ),
});

const retention = z.strictObject({
  sessions: duration('1h', '8760h').default('720h').describe('How long ended sessions can be looked up.'),
  phoneNumbers: duration('1h', '8760h')
    .default('168h')
    .describe('How long phone numbers and names of ended sessions are kept; after it they are erased.'),
});

const session = z.strictObject({
  maxDuration: duration('10s', '12h').default('10m').describe('Longest conversation; the provider ends it then.'),
  ringTimeout: duration('5s', '10m').default('60s').describe('How long a dialled phone may ring.'),
  silenceTimeout: duration('5s', '1h').default('30s').describe('Silence after which a call is ended.'),
});

const budget = z
  .strictObject({
    maxConcurrentSessions: z
      .int()
      .min(1)
      .max(100_000)
      .optional()
      .describe('Sessions that the pool has at the same time at most. Default: what the subscriptions hold together.'),
    inbound: z.int().min(1).max(100_000).optional().describe('Inbound sessions at the same time at most. Default: no limit of their own.'),
    outbound: z
      .int()
      .min(1)
      .max(100_000)
      .optional()
      .describe('Outbound sessions at the same time at most. Default: no limit of their own.'),
  })
  .meta(rules(...budgetRules));

const destinations = z.strictObject({
  allow: z
    .array(destination)
    .min(1)
    .max(250)
    .optional()
    .describe(
      'Countries (ISO codes such as US) and prefixes (such as +4420) of numbers that may be dialled. +1 is all of North America, the Caribbean included: US and CA are not. ' +
        "Emergency and premium numbers never are. Default: the countries of the pool's own numbers.",
    ),
  maxDialsPerDay: z.int().min(1).max(100).default(3).describe('How often a number is dialled within 24 hours at most, over all sessions.'),
});

const results = z.strictObject({
  url: httpUrl.describe('Where every ended session is posted once it is over; retried until it is accepted.'),
  secretRef: secretRef.optional().describe('Where the secret lies that signs what is posted. Default: not signed.'),
  maxConcurrent: z.int().min(1).max(100).default(8).describe('Deliveries under way at the same time at most.'),
});

const poolFields = z
  .strictObject({
    mode: z
      .enum(['Active', 'Hold', 'Observe'])
      .default('Active')
      .describe(
        'Active: sessions are admitted. Hold: nothing new is admitted, live calls go on. Observe: decisions are reported and nothing is placed.',
      ),
    publicUrl: httpUrl
      .optional()
      .describe(
        'Address under which the provider reaches the workers. Default: none; calls are followed by polling, and inbound calls are seen, not admitted.',
      ),
    intake: intake.default({}).describe('Who may hand in sessions.'),
    ledger: z
      .strictObject({ secretRef: secretRef.describe('Where the URL of the PostgreSQL database lies.') })
      .optional()
      .describe('The database that holds the queue. Default: an embedded one on this machine.'),
    retention: retention.default({ sessions: '720h', phoneNumbers: '168h' }).describe('How long ended sessions are kept.'),
    session: session
      .default({ maxDuration: '10m', ringTimeout: '60s', silenceTimeout: '30s' })
      .describe('Bounds of one conversation, sent with every call. A class may override them.'),
    budget: budget.default({}).describe('Limits over all subscriptions.'),
    subscriptions: z
      .array(subscription)
      .min(1)
      .max(8)
      .meta(keyedBy('name'))
      .readonly()
      .describe('Billing accounts at the provider: all calls of all their projects count against one limit.'),
    upstreams: z
      .array(upstream)
      .max(16)
      .meta(keyedBy('name'))
      .default([])
      .readonly()
      .describe('Other limits that sessions share across projects: a carrier account or trunk, a voice or model account.'),
    destinations: destinations.default({ maxDialsPerDay: 3 }).describe('What may be dialled.'),
    handler: handler.optional().describe("The team's own logic: gets every event of a session. Default: none."),
    results: results.optional().describe('Where ended sessions are delivered. Default: nowhere; they can be looked up.'),
    classes: z.array(classSpec).min(1).max(32).meta(keyedBy('name')).readonly().describe('Priority classes: every session is of one.'),
    workers: workers.default(usualWorkers).describe('The processes that place, answer and watch calls.'),
    scaling: scaling.default(usualScaling).describe('How many workers there are.'),
    deletionPolicy: z
      .enum(['Retain', 'Purge'])
      .default('Retain')
      .describe(
        'What becomes of sessions that wait when the pool is deleted in a cluster. Retain: they go on when a pool of that name is back. Purge: they are cancelled.',
      ),
  })
  .meta(rules(...poolRules));

export type PoolSpec = z.infer<typeof poolFields>;

/** The fields and, once they are sound each for itself, the rules over several of them. */
export const poolSpec = poolFields.superRefine(
  (spec, context) => {
    for (const { path, message } of brokenRules(spec)) context.addIssue({ code: 'custom', path: [...path], message });
  },
  { when: ({ issues }) => issues.length === 0 },
);

export const poolManifest = z.strictObject({
  apiVersion: z.literal('trunkline.dev/v1alpha1').describe('The version of these fields.'),
  kind: z.literal('VoiceCapacityPool').describe('What this manifest declares.'),
  metadata: z
    .object({
      name: poolName.describe('Name of the pool: lower-case letters, digits and hyphens, at most 40 characters.'),
      namespace: z.string().max(63).optional().describe('Namespace in a cluster; without meaning on one machine. Default: default.'),
    })
    .describe('Name and place of the pool.'),
  spec: poolSpec.describe('What the pool declares.'),
});

export type PoolManifest = z.infer<typeof poolManifest>;
export type HandlerSpec = z.infer<typeof handler>;
