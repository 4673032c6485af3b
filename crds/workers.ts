import { z } from 'zod';
import {
  cpuQuantity,
  memoryQuantity,
  nodeLabels,
  objectAnnotations,
  objectLabels,
  objectLabelValue,
  podPart,
  qualifiedKey,
} from './kubernetes.ts';
import { rules } from './server.ts';
import { resourceRules, tolerationRules } from './server-rules.ts';
import { duration } from './values.ts';

/** The processes that place, answer and watch calls: how much one of them carries, how they leave, and their pods in a cluster. */

const usualRequests = { cpu: '100m', memory: '256Mi' };
const usualLimits = { memory: '512Mi' };

const resources = z
  .strictObject({
    requests: z
      .strictObject({
        cpu: cpuQuantity.default(usualRequests.cpu).describe('Processors that a worker is sure of.'),
        memory: memoryQuantity.default(usualRequests.memory).describe('Memory that a worker is sure of.'),
      })
      .default(usualRequests)
      .describe('What a node must have free for a worker.'),
    limits: z
      .strictObject({
        cpu: cpuQuantity.optional().describe('Processors that a worker uses at most. Default: no limit, which suits work in bursts.'),
        memory: memoryQuantity.default(usualLimits.memory).describe('Memory above which a worker is ended and started again.'),
      })
      .default(usualLimits)
      .describe('What a worker may use at most.'),
  })
  .meta(rules(...resourceRules));

const toleration = z
  .strictObject({
    key: qualifiedKey.optional().describe('Key of the taint. Default: every taint, with operator Exists.'),
    operator: z.enum(['Exists', 'Equal']).default('Equal').describe('Equal: the taint has this value. Exists: whatever its value.'),
    value: objectLabelValue.optional().describe('Value of the taint, with operator Equal. Default: the empty one.'),
    effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional().describe('Effect of the taint. Default: every effect.'),
    tolerationSeconds: z
      .int()
      .min(0)
      .max(86_400)
      .optional()
      .describe('How long a worker stays on a node that gets the taint, with effect NoExecute. Default: for good.'),
  })
  .meta(rules(...tolerationRules));

const podTemplate = z.strictObject({
  labels: objectLabels.default({}).describe('Labels of the pods beside those that the operator sets.'),
  annotations: objectAnnotations.default({}).describe('Annotations of the pods.'),
  nodeSelector: nodeLabels.default({}).describe('Labels that a node must have. Empty: any node.'),
  tolerations: z.array(toleration).max(16).default([]).readonly().describe('Taints of nodes that workers put up with.'),
  affinity: z
    .strictObject({
      nodeAffinity: podPart.optional().describe('Nodes that workers are drawn to, as in a pod. Default: any.'),
      podAffinity: podPart.optional().describe('Pods that workers run beside, as in a pod. Default: any.'),
      podAntiAffinity: podPart.optional().describe('Pods that workers keep away from, as in a pod. Default: workers spread over nodes.'),
    })
    .default({})
    .describe('Where workers are drawn to, handed on as it is; the cluster says what is wrong with it.'),
  priorityClassName: z
    .string()
    .min(1)
    .max(253)
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be the name of a PriorityClass')
    .optional()
    .describe("Priority of the pods in a cluster that is short of room. Default: the cluster's own."),
});

const usualDrain = { timeout: '30s' };

export const workers = z.strictObject({
  image: z
    .string()
    .min(1)
    .max(512)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/, 'must be the name of an image, such as registry.example.com/trunkline:1.2.3')
    .optional()
    .describe("Image of the workers in a cluster. Default: the operator's own release."),
  sessionsPerWorker: z
    .int()
    .min(1)
    .max(1_000)
    .default(25)
    .describe('Sessions that one worker looks after; it decides how many workers run.'),
  resources: resources
    .default({ requests: usualRequests, limits: usualLimits })
    .describe('What a worker in a cluster gets of its node. On one machine it has no meaning.'),
  podTemplate: podTemplate
    .optional()
    .describe('What the pods of workers have beside what the operator gives them. On one machine it has no meaning. Default: nothing.'),
  drain: z
    .strictObject({
      timeout: duration('1s', '1h')
        .default(usualDrain.timeout)
        .describe('How long a worker that is told to stop may take to finish what it has begun.'),
    })
    .default(usualDrain)
    .describe('How workers leave.'),
});

export type WorkersSpec = z.infer<typeof workers>;
export type PodTemplateSpec = z.infer<typeof podTemplate>;

/** What a pool has that says nothing about its workers. */
export const usualWorkers: WorkersSpec = {
  sessionsPerWorker: 25,
  resources: { requests: usualRequests, limits: usualLimits },
  drain: usualDrain,
};
