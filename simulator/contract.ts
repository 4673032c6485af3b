import { z } from 'zod';

/**
 * What `trunkline up --simulate` and the simulator process say to each other, and what a scenario file may hold.
 *
 * The simulator is a process of its own: `node simulator/main.ts --pool POOL.yaml --state DIR --speed N --secrets DIR [--scenario FILE] [--port 0]
 * [--run ID]`. It prints one line of JSON, {@link ready}, when it listens on 127.0.0.1. Its truth lies under `DIR/simulator/` as append-only NDJSON and
 * survives kill -9: calls that were live go on after a restart. A start with another `--run` than before begins the measures of the report anew. Beside
 * the provider's API it serves, under `/_sim/`:
 *
 * | request | does |
 * |---|---|
 * | `POST /_sim/start` {@link start} | begins traffic: leads into the intake API, inbound callers towards the pool |
 * | `POST /_sim/stop` | ends traffic: no new callers, no new leads; live calls go on to their end |
 * | `GET /_sim/report` | {@link report}, the provider's truth |
 * | `GET /_sim/accepted` | NDJSON, the session ids that the intake acknowledged with 2xx |
 */

export const ready = z.strictObject({ ready: z.literal(true), port: z.int() });

export const start = z.strictObject({
  /** Base URL of the intake API and of the webhooks (`<url>/v1/vapi/<project>`). */
  url: z.string(),
  token: z.string(),
});

const spanSeconds = z.number().min(0).max(86_400);
const share = z.number().min(0).max(1);

/** A lognormal length in seconds: parameters of the natural logarithm, cut off at both ends. */
const lognormal = z.strictObject({
  mu: z.number(),
  sigma: z.number().positive(),
  minSeconds: spanSeconds.default(5),
  maxSeconds: spanSeconds.default(3600),
});

const inboundTraffic = z.strictObject({
  kind: z.literal('inbound'),
  /** The number that is dialled; it must belong to a project of the pool. */
  number: z.string(),
  /** Poisson arrivals per real minute at speed 1. */
  perMinute: z.number().positive(),
  length: lognormal,
  /** How long a caller listens to ringing before hanging up, exponential mean. */
  patienceSeconds: spanSeconds.default(280),
});

const outboundTraffic = z.strictObject({
  kind: z.literal('outbound'),
  class: z.string(),
  /** CSV file of leads (number,name,...), relative to the scenario file; or made-up leads, this many. */
  leads: z.union([z.string(), z.int().positive()]),
  /** Handed to the intake all at once, or at this rate per real minute at speed 1. */
  perMinute: z.number().positive().optional(),
  length: lognormal,
  answer: z
    .strictObject({ noAnswer: share.default(0.2), busy: share.default(0.05), voicemail: share.default(0.1), fault: share.default(0) })
    .default({ noAnswer: 0.2, busy: 0.05, voicemail: 0.1, fault: 0 }),
  ringSeconds: z.strictObject({ min: spanSeconds, max: spanSeconds }).default({ min: 4, max: 20 }),
});

const foreignTraffic = z.strictObject({
  kind: z.literal('foreign'),
  subscription: z.string(),
  /** Lines taken by calls that are none of the pool's, from `fromSeconds` to `toSeconds` after the start (real seconds, not divided by speed). */
  lines: z.int().positive(),
  fromSeconds: spanSeconds,
  toSeconds: spanSeconds,
  /** Whether these calls are in a project of the pool (and so in its lists) or elsewhere under the subscription. */
  visible: z.boolean().default(false),
});

export const scenario = z.strictObject({
  seed: z.int().default(1),
  traffic: z.array(z.discriminatedUnion('kind', [inboundTraffic, outboundTraffic, foreignTraffic])).max(32),
  provider: z
    .strictObject({
      /** Time the provider takes to answer a request. */
      latencyMs: z.strictObject({ min: z.number().min(0), max: z.number().min(0) }).default({ min: 1, max: 5 }),
      /** A line stays taken this long after the end is reported, uniformly; divided by speed. */
      releaseLagSeconds: z.strictObject({ min: spanSeconds, max: spanSeconds }).default({ min: 0, max: 0 }),
      /** Shares of webhook deliveries; late ones come `lateSeconds` later (divided by speed). `none` sends no webhook at all but `assistant-request`. */
      webhooks: z
        .strictObject({
          none: z.boolean().default(false),
          lost: share.default(0),
          doubled: share.default(0),
          late: share.default(0),
          lateSeconds: spanSeconds.default(30),
        })
        .default({ none: false, lost: 0, doubled: 0, late: 0, lateSeconds: 30 }),
      /** Shares of creations: answered never though the call exists; 5xx before and after the call exists. */
      creations: z
        .strictObject({ timeoutAfter: share.default(0), errorBefore: share.default(0), errorAfter: share.default(0) })
        .default({ timeoutAfter: 0, errorBefore: 0, errorAfter: 0 }),
      /** A call appears in lists and changes there only this much later (real seconds, not divided by speed: the client's hold is real too). */
      listLagSeconds: spanSeconds.default(0),
      /** Whether answers carry `subscriptionLimits`. */
      limitsInAnswers: z.boolean().default(true),
      /** Changes of the subscription's limit while it runs (lines bought or cancelled). */
      limits: z
        .array(z.strictObject({ subscription: z.string(), atSeconds: spanSeconds, limit: z.int().min(0) }))
        .max(32)
        .default([]),
      /** Projects that fail for a while: every creation is answered with this status. */
      outages: z
        .array(z.strictObject({ project: z.string(), fromSeconds: spanSeconds, toSeconds: spanSeconds, status: z.int().min(400).max(599) }))
        .max(32)
        .default([]),
      /** Requests per minute per project; default: what the pool declares. Multiplied by speed. */
      requestsPerMinute: z.int().positive().optional(),
    })
    .prefault({}),
});
export type Scenario = z.infer<typeof scenario>;

const subscriptionReport = z.strictObject({
  limit: z.number(),
  peak: z.number(),
  overLimitRefusals: z.number(),
  /** Own calls ÷ (limit − foreign − margin − unused reserves), integrated while undialled work waits that no rate or window holds; null when never backlogged. */
  utilizationWhileBacklogged: z.number().nullable(),
});

/** Measures are of the latest run; `duplicateDials` and `violations`, which must stay empty, of the whole history of the state directory. */
export const report = z.strictObject({
  subscriptions: z.record(z.string(), subscriptionReport),
  callsPerSecondPeak: z.number(),
  duplicateDials: z.number(),
  inboundArrivals: z.number(),
  inboundRefusedAtProvider: z.number(),
  inboundLateAnswers: z.number(),
  /** Time to the assistant's answer for inbound callers who found the reserve of their class free, at the simulator. */
  reservedAnswerMs: z.strictObject({ p50: z.number(), p95: z.number(), p99: z.number() }),
  dials: z.number(),
  live: z.number(),
  undialled: z.number(),
  requestRateRefusals: z.number(),
  /** Requests that broke the published description or webhooks of ours that would; each a defect. */
  violations: z.array(z.string()),
});
export type Report = z.infer<typeof report>;
