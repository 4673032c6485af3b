import { z } from 'zod';
import { rules } from './server.ts';

/** Values that mean to Kubernetes what they mean there: quantities, labels of objects, and parts of a pod that are handed on as they are. */

const factors: ReadonlyMap<string, number> = new Map([
  ['m', 0.001],
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
]);

/** The amount that a quantity stands for; NaN when it is none. */
export function quantityAmount(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
  return Number(amount ?? Number.NaN) * (factors.get(unit) ?? Number.NaN);
}

const quantity = (pattern: RegExp, example: string, min: string, max: string) =>
  z
    .string()
    .max(20)
    .regex(pattern, `must be a quantity in quotes, such as ${example}`)
    .refine((text) => !pattern.test(text) || (quantityAmount(text) >= quantityAmount(min) && quantityAmount(text) <= quantityAmount(max)), {
      message: `must be between ${min} and ${max}`,
    })
    .meta({
      form: `quantity, ${min} to ${max}`,
      ...rules({
        rule: `quantity(self).compareTo(quantity('${min}')) >= 0 && quantity(self).compareTo(quantity('${max}')) <= 0`,
        message: `must be between ${min} and ${max}`,
      }),
    });

/** Processors, such as `500m` or `2`. */
export const cpuQuantity = quantity(/^(\d{1,3}(\.\d{1,3})?|\d{1,6}m)$/, '500m or 2', '10m', '64');

/** Bytes, such as `512Mi`. */
export const memoryQuantity = quantity(/^\d{1,12}(\.\d{1,3})?(k|M|G|Ki|Mi|Gi)?$/, '512Mi', '64Mi', '256Gi');

/** A name with a prefix perhaps, as keys of labels, annotations and taints are. */
const qualifiedName = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const notQualified = 'must be a key of Kubernetes, such as team or example.com/team';
export const qualifiedKey = z.string().min(1).max(317).regex(qualifiedName, notQualified);

export const objectLabelValue = z
  .string()
  .max(63)
  .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/, 'must be a label value: letters, digits, - _ or .');

const keysInWords = { rule: 'self.all(key, key.size() > 0 && key.size() <= 317)', message: 'keys must have 1 to 317 characters' };
/** What the operator says of its pods itself: selectors of Deployment, Service and disruption budget rest on it. */
const ownKeys = ['app.kubernetes.io/name', 'app.kubernetes.io/instance', 'app.kubernetes.io/managed-by'];
const ownPrefix = 'trunkline.dev/';
const ownedInWords = {
  rule: `self.all(key, !(key in [${ownKeys.map((key) => `'${key}'`).join(', ')}]) && !key.startsWith('${ownPrefix}'))`,
  message: 'has a key that the operator sets itself: choose another',
};

const isForeign = (map: Readonly<Record<string, string>>) =>
  Object.keys(map).every((key) => !ownKeys.includes(key) && !key.startsWith(ownPrefix));

/** At most 16 pairs whose keys are those of Kubernetes. */
const pairs = (value: z.ZodString, most: number) =>
  z.record(qualifiedKey, value).refine((map) => Object.keys(map).length <= most, `must have at most ${most} entries`);

/** Labels for objects in a cluster, but for those that are the operator's. */
export const objectLabels = pairs(objectLabelValue.describe('Value of the label of that name.'), 16)
  .refine(isForeign, ownedInWords.message)
  .meta({ maxProperties: 16, ...rules(keysInWords, ownedInWords) })
  .readonly()
  .meta({ form: 'labels of Kubernetes' });

export const objectAnnotations = pairs(z.string().max(4_096).describe('Text of the annotation of that name.'), 16)
  .refine(isForeign, ownedInWords.message)
  .meta({ maxProperties: 16, ...rules(keysInWords, ownedInWords) })
  .readonly()
  .meta({ form: 'annotations of Kubernetes' });

export const nodeLabels = pairs(objectLabelValue.describe('Value that the label of that name has.'), 16)
  .meta({ maxProperties: 16, ...rules(keysInWords) })
  .readonly()
  .meta({ form: 'labels of Kubernetes' });

/** A part of a pod that is handed on as it is: only the API server that takes the pod knows its fields. */
export type PodPart = Readonly<Record<string, unknown>>;

const maxPartLength = 16_384;

const isPodPart = (value: unknown): boolean => {
  const parsed = z.record(z.string(), z.json()).safeParse(value);
  return parsed.success && JSON.stringify(parsed.data).length <= maxPartLength;
};

export const podPart = z
  .custom<PodPart>(isPodPart, `must be a mapping of fields of at most ${maxPartLength} characters`)
  .meta({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true, form: 'fields of Kubernetes' });
