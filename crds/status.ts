import { z } from 'zod';
import { keyedBy } from './server.ts';
import { className, projectName, subscriptionName } from './values.ts';

/**
 * What the operator tells about a pool, in the object's status. Figures of the whole and of its parts, never of single sessions: those are in the
 * ledger. Every field may be missing, which says that it is not known, and not that it is zero.
 */

const count = z.int().min(0).max(100_000_000);
const generation = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

const time = z.iso.datetime().max(40).meta({ form: 'time, such as `2026-03-09T16:20:00Z`' });

/** A word that programs compare, such as `ProviderCeiling`. */
const reason = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Z][A-Za-z0-9]*$/);

const condition = z.strictObject({
  type: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Z][A-Za-z]*$/)
    .describe('What the condition is about, such as Ready.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds. Unknown: nobody can tell at the moment.'),
  observedGeneration: generation.optional().describe('The metadata.generation that was looked at.'),
  lastTransitionTime: time.describe('When status changed last.'),
  reason: reason.describe('Why, in a word that programs may compare.'),
  message: z.string().max(4_096).describe('Why, and what to do about it, for people.'),
});

const classStatus = z.strictObject({
  name: className.describe('Name of the class.'),
  active: count.optional().describe('Slots that its sessions use.'),
  queued: count.optional().describe('Its sessions that wait.'),
  oldestWaitSeconds: count.optional().describe('How long the session that waits longest has waited.'),
});

const projectStatus = z.strictObject({
  name: projectName.describe('Name of the project.'),
  active: count.optional().describe('Slots that sessions on this project use.'),
  paused: z.string().max(300).optional().describe('Why nothing is placed on this project. Absent: it is in use.'),
});

const subscriptionStatus = z.strictObject({
  name: subscriptionName.describe('Name of the subscription.'),
  ceiling: count.optional().describe('Slots usable now: the declared or learned limit, less the margin or the foreign calls.'),
  active: count.optional().describe('Slots in use, those included whose line the provider has not freed yet.'),
  learnedLimit: count.optional().describe('Calls at the same time that the provider says it takes. Absent: nothing was learned.'),
  foreign: count.optional().describe('Calls on these lines that do not go through the pool.'),
  projects: z.array(projectStatus).max(16).meta(keyedBy('name')).optional().describe('Projects of the subscription.'),
});

const decision = z.strictObject({
  time: time.describe('When it was taken.'),
  replicas: z.int().min(0).max(100_000).describe('Workers that are wanted since then.'),
  reason: reason.describe('The signal that asked for as many, in a word.'),
  limitedBy: reason.optional().describe('The limit that keeps it from more workers, in a word such as ProviderCeiling. Absent: none does.'),
  message: z.string().max(1_024).describe('The decision as a sentence, with its figures.'),
});

const override = z.strictObject({
  kind: z.enum(['Hold']).describe('Hold: nothing new is admitted, live calls go on.'),
  class: className.optional().describe('The class that it is for. Absent: the whole pool.'),
  until: time.optional().describe('When it ends by itself. Absent: when somebody lifts it.'),
});

export const poolStatus = z.strictObject({
  observedGeneration: generation.optional().describe('The metadata.generation that this status speaks of.'),
  policy: z
    .strictObject({
      appliedGeneration: generation.optional().describe('The metadata.generation by which the dispatcher admits sessions.'),
    })
    .optional()
    .describe('What the workers act on.'),
  ledgerId: z.string().max(64).optional().describe("The ledger's own id. Another database is another ledger, and is refused."),
  conditions: z
    .array(condition)
    .max(32)
    .meta(keyedBy('type'))
    .optional()
    .describe('What is well with the pool and what is not, each with its reason and what to do.'),
  ceiling: count.optional().describe('Slots usable now, over all subscriptions.'),
  active: count.optional().describe('Slots in use.'),
  queued: count.optional().describe('Sessions that wait.'),
  replicas: z.int().min(0).max(100_000).optional().describe('Workers, those that start or drain included.'),
  readyReplicas: z.int().min(0).max(100_000).optional().describe('Workers that take work.'),
  classes: z.array(classStatus).max(32).meta(keyedBy('name')).optional().describe('Figures of each class.'),
  subscriptions: z.array(subscriptionStatus).max(8).meta(keyedBy('name')).optional().describe('Figures of each subscription.'),
  lastDecision: decision.optional().describe('The newest decision on the number of workers, and why.'),
  overrides: z
    .array(override)
    .max(16)
    .optional()
    .describe('What people have asked for beside the spec, for a while or until it is lifted; the first 16.'),
});

export type PoolStatus = z.infer<typeof poolStatus>;
export type PoolCondition = z.infer<typeof condition>;
