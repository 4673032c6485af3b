import { isSupportedCountry } from 'libphonenumber-js/max';
import { z } from 'zod';
import { rules } from './server.ts';

/**
 * The small values that the pool's fields are made of: names, durations, decimal quantities, phone numbers. `meta.form` says for the reference
 * page what a value looks like; `rules` says for an API server what a refinement does in code here.
 * Durations are what CEL's `duration()` reads (units up to hours); quantities are decimal strings, as is usual in Kubernetes.
 */

const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** A DNS label: lower-case letters, digits and hyphens. */
const name = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(dnsLabel, 'must be lower-case letters, digits and hyphens, and begin and end with a letter or digit')
    .meta({ form: 'name' });

export const poolName = name(40).brand<'PoolName'>();
export const className = name(40).brand<'ClassName'>();
export const subscriptionName = name(40).brand<'SubscriptionName'>();
export const projectName = name(40).brand<'ProjectName'>();
export const upstreamName = name(40).brand<'UpstreamName'>();
export const assistantName = name(40).brand<'AssistantName'>();
export const scheduleName = name(40);

export type PoolName = z.infer<typeof poolName>;
export type ClassName = z.infer<typeof className>;
export type SubscriptionName = z.infer<typeof subscriptionName>;
export type ProjectName = z.infer<typeof projectName>;
export type UpstreamName = z.infer<typeof upstreamName>;
export type AssistantName = z.infer<typeof assistantName>;

/**
 * What a pool is called in its ledger: by its name alone on one machine, by `<cluster uid>/<namespace>/<name>` in a cluster, where several clusters may
 * share a ledger and several namespaces a name.
 */
export const poolKey = z
  .string()
  .max(142)
  .regex(
    /^([a-z0-9-]{1,36}\/[a-z0-9-]{1,63}\/)?[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/,
    'must be the name of a pool, or cluster/namespace/name',
  )
  .brand<'PoolKey'>();
export type PoolKey = z.infer<typeof poolKey> | PoolName;

/** The key of a pool in a cluster; `cluster` is the uid of its namespace kube-system. */
export function poolKeyOf(cluster: string, namespace: string, name: PoolName): PoolKey {
  return poolKey.parse(`${cluster}/${namespace}/${name}`);
}

/** The name in a key, the same in every namespace. */
export function poolNameOf(key: PoolKey): PoolName {
  return poolName.parse(key.slice(key.lastIndexOf('/') + 1));
}

const durationPattern = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;
const unitMs: ReadonlyMap<string | undefined, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** Milliseconds of a duration such as `90s`, `1h30m` or `500ms`. The text must match {@link duration}. */
export function durationMs(text: string): number {
  return Math.round(unroundedMs(text));
}

/** Bounds hold for the duration as written: an API server does not round either. */
function unroundedMs(text: string): number {
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    totalMs += Number(amount) * (unitMs.get(unit) ?? Number.NaN);
  }
  return totalMs;
}

/** A duration between two bounds, both included, given as durations themselves so that messages can show them. */
export const duration = (min: string, max: string) =>
  z
    .string()
    .max(20)
    .regex(durationPattern, 'must be a duration such as 30s, 10m or 1h30m')
    .refine((text) => !durationPattern.test(text) || (unroundedMs(text) >= durationMs(min) && unroundedMs(text) <= durationMs(max)), {
      message: `must be between ${min} and ${max}`,
    })
    .meta({
      form: `duration, ${min} to ${max}`,
      ...rules({
        rule: `duration(self) >= duration('${min}') && duration(self) <= duration('${max}')`,
        message: `must be between ${min} and ${max}`,
      }),
    });

/** A positive decimal as a string, such as `"2"` or `"0.5"`: how many per second. */
export const ratePerSecond = z
  .string()
  .max(10)
  .regex(/^\d{1,6}(\.\d{1,3})?$/, 'must be a decimal in quotes, such as "2" or "0.5"')
  .refine((text) => Number(text) > 0 && Number(text) <= 1_000, 'must be more than 0 and at most 1000')
  .meta({
    form: 'decimal in quotes, more than 0, at most 1000',
    ...rules({ rule: 'double(self) > 0.0 && double(self) <= 1000.0', message: 'must be more than 0 and at most 1000' }),
  });

/** A share as a string, such as `"0.7"`. */
export const share = z
  .string()
  .max(10)
  .regex(/^[01](\.\d{1,3})?$/, 'must be a decimal in quotes, such as "0.7"')
  .refine((text) => Number(text) >= 0.1 && Number(text) <= 1, 'must be between 0.1 and 1')
  .meta({
    form: 'decimal in quotes, 0.1 to 1',
    ...rules({ rule: 'double(self) >= 0.1 && double(self) <= 1.0', message: 'must be between 0.1 and 1' }),
  });

/** An IANA time zone. Which names there are, an API server does not know. */
export const timeZone = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_+/-]*$/, 'must be a time zone such as America/New_York or UTC')
  .refine(isTimeZone, 'is no time zone: write an IANA name such as America/New_York or UTC')
  .meta({ form: 'time zone' });

/** Whether the name is one that windows can be reckoned by. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** A phone number in E.164: `+`, country code, number. */
export const e164 = z
  .string()
  .regex(/^\+[1-9]\d{6,14}$/, 'must be a phone number in E.164, such as +14155550100')
  .max(16)
  .meta({ form: 'phone number' });

/** A prefix of E.164 numbers: `+1`, `+4420`. */
export const e164Prefix = z
  .string()
  .regex(/^\+[1-9]\d{0,14}$/, 'must be a prefix of E.164 numbers, such as +1 or +4420')
  .max(16)
  .meta({ form: 'prefix' });

/** Where calls may go: a country by its ISO code, or a prefix. Countries share prefixes: +1 is the Caribbean too. */
export const destination = z
  .string()
  .regex(/^(?:\+[1-9]\d{0,14}|[A-Z]{2})$/, 'must be a country such as US, or a prefix of E.164 numbers such as +1 or +4420')
  .max(16)
  .refine((text) => !/^[A-Z]{2}$/.test(text) || isSupportedCountry(text), 'is no country that has phone numbers: write its ISO 3166 code')
  .meta({ form: 'country or prefix' });

const labelKey = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/, 'must be letters, digits, - _ or .');

/** Labels: at most 16 short key–value pairs. */
export const labels = z
  .record(labelKey, z.string().max(63).describe('Value of the label of that name.'))
  .refine((map) => Object.keys(map).length <= 16, 'must have at most 16 labels')
  .meta({
    maxProperties: 16,
    // What a key is made of cannot be asked of an API server: it reckons with keys of megabytes, and patterns on them exceed its budget.
    ...rules({ rule: 'self.all(key, key.size() <= 63)', message: 'keys must have at most 63 characters' }),
  })
  .readonly()
  .meta({ form: 'labels' });
export type Labels = z.infer<typeof labels>;

/** A selector: every label given here must be present with the same value. Empty selects everything. */
export const selector = z
  .strictObject({
    matchLabels: labels.default({}).describe('Labels that must all be there with the same value. Empty selects everything.'),
  })
  .readonly()
  .meta({ form: 'selector' });

/** Where a secret lies: `DIR/<name>/<key>`, the way Kubernetes mounts it. Never the secret itself. */
export const secretRef = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(253)
      .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be the name of a Secret')
      .describe('Name of the Secret, or of the directory under --secrets.'),
    key: z
      .string()
      .min(1)
      .max(253)
      .regex(/^[-._a-zA-Z0-9]+$/, 'must be a key of a Secret')
      .refine((key) => key !== '.' && key !== '..', 'must be a key of a Secret')
      .meta(rules({ rule: "self != '.' && self != '..'", message: 'must be a key of a Secret' }))
      .describe('Key in the Secret, or the file in that directory.'),
  })
  .readonly()
  .meta({ form: 'secret' });
export type SecretRef = z.infer<typeof secretRef>;

const notUrl = 'must be an absolute http or https URL without user name, password or fragment';

/** An absolute http(s) URL without credentials or fragment. */
export const httpUrl = z
  .string()
  .max(2048)
  .regex(/^https?:\/\/[^\s/?#@\\]+([/?][^\s#\\]*)?$/, notUrl)
  .refine((text) => URL.canParse(text), notUrl)
  .meta({ form: 'URL' });
