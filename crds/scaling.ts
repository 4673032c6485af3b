import { z } from 'zod';
import { eachOnce, keyedBy, rules } from './server.ts';
import { scalingRules, scheduleRules } from './server-rules.ts';
import { duration, scheduleName, share, timeZone } from './values.ts';

/** How many workers a pool has: bounds, targets of the signals, windows of the week, and how fast the number may change. */

const replicas = z.int().min(1).max(1_000);

export const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;

const schedule = z
  .strictObject({
    name: scheduleName.describe('Name of the window, which decisions give as their reason.'),
    timezone: timeZone.describe('Time zone of start and end, an IANA name such as America/New_York.'),
    days: z
      .array(z.enum(weekdays))
      .min(1)
      .max(7)
      .meta(eachOnce)
      .default([...weekdays])
      .readonly()
      .describe('Days on which the window begins.'),
    start: z
      .string()
      .max(5)
      .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day in quotes, such as "09:00"')
      .meta({ form: 'time of day' })
      .describe('When the window begins, such as "09:00".'),
    end: z
      .string()
      .max(5)
      .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time of day in quotes, such as "17:30"')
      .meta({ form: 'time of day' })
      .describe('When it ends, such as "17:30" or "24:00". Before start: on the next day.'),
    minReplicas: replicas
      .optional()
      .describe('Workers at least while the window is open, as far as there are lines for them. Default: no floor of its own.'),
    maxReplicas: replicas.optional().describe('Workers at most while the window is open. Default: no cap of its own.'),
  })
  .meta(rules(...scheduleRules));

const pace = z.strictObject({
  type: z.enum(['Workers', 'Percent']).describe('Workers: so many. Percent: so many of a hundred.'),
  value: z.int().min(1).max(1_000).describe('How many, or how many percent of the workers at the beginning of the period.'),
  period: duration('2s', '30m').describe('The time in which the number changes by no more.'),
});

type Pace = z.infer<typeof pace>;

const scalingRule = (
  usual: { readonly stabilizationWindow: string; readonly policies: readonly Pace[] },
  words: { readonly window: string; readonly policies: string },
) =>
  z.strictObject({
    stabilizationWindow: duration('0s', '1h').default(usual.stabilizationWindow).describe(words.window),
    selectPolicy: z
      .enum(['Max', 'Min', 'Disabled'])
      .default('Max')
      .describe('Max: the policy that allows most counts. Min: the one that allows least. Disabled: never in this direction.'),
    policies: z
      .array(pace)
      .max(8)
      .default([...usual.policies])
      .readonly()
      .describe(words.policies),
  });

export type ScalingRuleSpec = z.infer<ReturnType<typeof scalingRule>>;

const usualUp: ScalingRuleSpec = { stabilizationWindow: '0s', selectPolicy: 'Max', policies: [] };
const usualDown: ScalingRuleSpec = {
  stabilizationWindow: '300s',
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 50, period: '60s' }],
};
const usualBehavior = { scaleUp: usualUp, scaleDown: usualDown };

const behavior = z.strictObject({
  scaleUp: scalingRule(usualUp, {
    window: 'Only so many workers are added as were asked for all through this time.',
    policies: 'How many workers may be added in a time. Empty: no bound.',
  })
    .default(usualUp)
    .describe('How fast workers are added.'),
  scaleDown: scalingRule(usualDown, {
    window: 'Only so many workers are taken away as were needless all through this time.',
    policies: 'How many workers may be taken away in a time. Empty: no bound. Default: half of them in a minute.',
  })
    .default(usualDown)
    .describe('How fast workers are taken away.'),
});

const usualBuffer = { sessions: 5, percent: 10 };

const buffer = z.strictObject({
  sessions: z.int().min(0).max(10_000).default(usualBuffer.sessions).describe('Slots kept ready at least.'),
  percent: z.int().min(0).max(1_000).default(usualBuffer.percent).describe('The same as a share of the slots in use.'),
});

export const scaling = z
  .strictObject({
    minReplicas: replicas
      .default(2)
      .describe(
        'Workers at least, whatever else is said. One at least, as requests and callers are answered by workers; two, so that one may die.',
      ),
    maxReplicas: replicas.default(20).describe('Workers at most. More than the lines can use never run.'),
    slotUtilization: share
      .default('0.7')
      .describe('The share of sessionsPerWorker that a worker is meant to carry; the rest is room until another one runs.'),
    spareWorkers: z
      .int()
      .min(0)
      .max(100)
      .default(0)
      .describe('Workers that may run beyond those that the lines can use. With classes for inbound calls it is one at least.'),
    drainBacklogWithin: duration('1s', '1h')
      .default('30s')
      .describe('The time in which sessions that wait should all have started, as far as there are lines for them.'),
    dispatchLatency: duration('10ms', '20s')
      .default('250ms')
      .describe(
        "What the workers' own part of a webhook or of a dispatch should stay below, at p95. Above it a worker is added a minute at most.",
      ),
    buffer: buffer
      .default(usualBuffer)
      .describe(
        'Slots that workers are kept ready for beyond those in use: the most of sessions, percent, and what arrives while a worker starts.',
      ),
    schedules: z
      .array(schedule)
      .max(16)
      .meta(keyedBy('name'))
      .default([])
      .readonly()
      .describe('Windows of the week with a floor or cap of their own. Of those that overlap, the first in the list counts alone.'),
    behavior: behavior.default(usualBehavior).describe('How fast the number of workers changes.'),
  })
  .meta(rules(...scalingRules));

export type ScalingSpec = z.infer<typeof scaling>;

/** What a pool has that says nothing about it. */
export const usualScaling: ScalingSpec = {
  minReplicas: 2,
  maxReplicas: 20,
  slotUtilization: '0.7',
  spareWorkers: 0,
  drainBacklogWithin: '30s',
  dispatchLatency: '250ms',
  buffer: usualBuffer,
  schedules: [],
  behavior: usualBehavior,
};
