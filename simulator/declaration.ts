import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { ClassSpec } from '../crds/classes.ts';
import { type PoolManifest, poolManifest } from '../crds/pool.ts';
import type { ProjectSpec, WebhookAuth } from '../crds/subscriptions.ts';
import type { SecretRef } from '../crds/values.ts';

/**
 * What the pool's manifest says about the provider, in the provider's own terms: subscriptions with a limit, orgs with keys, numbers and
 * assistants. And what the judge needs to know of the classes. The pool's own policy code is not used: a judge must not share the defect.
 */
export type Declaration = {
  readonly active: boolean;
  readonly accounts: readonly Account[];
  readonly orgs: readonly Org[];
  /** In order of falling priority. */
  readonly classes: readonly DeclaredClass[];
  readonly budget: { readonly total: number; readonly outbound: number };
};

export type Account = {
  readonly subscription: string;
  readonly limit: number;
  readonly safetyMargin: number;
  readonly callsPerSecond: number | undefined;
};

/** One project, with its secrets read. */
export type Org = {
  readonly project: string;
  readonly subscription: string;
  readonly orgId: string;
  readonly apiKey: string;
  readonly webhookSecret: string | undefined;
  readonly webhookAuth: WebhookAuth;
  readonly requestsPerMinute: number;
  readonly assistants: readonly { readonly id: string; readonly name: string }[];
  readonly phoneNumbers: readonly { readonly id: string; readonly number: string }[];
};

export type DeclaredClass = {
  readonly name: string;
  readonly direction: 'Inbound' | 'Outbound' | 'Any';
  /** Reserved lines by subscription. A reserve that is declared for the class as a whole is spread over its subscriptions by their limits. */
  readonly reservedAt: ReadonlyMap<string, number>;
  readonly limit: number;
  readonly dialled: readonly string[];
  readonly callerPrefixes: readonly string[];
  /** Subscriptions where its outbound sessions may run. */
  readonly outboundAt: ReadonlySet<string>;
  readonly maxAttempts: number;
  readonly retryOn: ReadonlySet<string>;
};

/** Reads the manifest and the secrets it names, from `DIR/<secret name>/<key>`. */
export async function readDeclaration(poolFile: string, secretsDirectory: string): Promise<Declaration> {
  const text = await readFile(poolFile, 'utf8');
  const manifest = poolManifest.safeParse(parse(text));
  if (!manifest.success)
    throw new Error(`${poolFile}: ${manifest.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`);
  return declare(manifest.data, (ref) => readSecret(secretsDirectory, ref));
}

export async function declare({ spec }: PoolManifest, secret: (ref: SecretRef) => Promise<string>): Promise<Declaration> {
  const orgs: Org[] = [];
  for (const subscription of spec.subscriptions) {
    for (const project of subscription.projects) orgs.push(await describeOrg(subscription.name, project, secret));
  }
  const twice = orgs.find((org, index) => orgs.findIndex((other) => other.apiKey === org.apiKey) !== index);
  if (twice !== undefined) throw new Error(`Project ${twice.project} has the API key of another project; a key belongs to exactly one.`);
  const specs = spec.subscriptions.flatMap((subscription) =>
    subscription.projects.map((project) => ({ subscription: subscription.name, limit: subscription.concurrencyLimit, project })),
  );
  return {
    active: spec.mode === 'Active',
    accounts: spec.subscriptions.map((each) => ({
      subscription: each.name,
      limit: each.concurrencyLimit,
      safetyMargin: each.safetyMargin,
      callsPerSecond: each.callsPerSecond === undefined ? undefined : Number(each.callsPerSecond),
    })),
    orgs,
    classes: [...spec.classes].sort((one, other) => other.priority - one.priority).map((each) => describeClass(each, specs)),
    budget: {
      total: spec.budget.maxConcurrentSessions ?? Number.POSITIVE_INFINITY,
      outbound: spec.budget.outbound ?? Number.POSITIVE_INFINITY,
    },
  };
}

/** The class that an inbound call belongs to, by the number dialled and the caller. */
export function inboundClass(declaration: Declaration, dialled: string, caller: string): DeclaredClass | undefined {
  return declaration.classes.find(
    (each) =>
      each.direction !== 'Outbound' &&
      (each.dialled.length === 0 || each.dialled.includes(dialled)) &&
      (each.callerPrefixes.length === 0 || each.callerPrefixes.some((prefix) => caller.startsWith(prefix))),
  );
}

/** A UUID that is the same whenever the simulator starts. */
export function stableUuid(...parts: readonly string[]): string {
  const hex = createHash('sha256').update(parts.join('\u0000')).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

async function describeOrg(subscription: string, project: ProjectSpec, secret: (ref: SecretRef) => Promise<string>): Promise<Org> {
  return {
    project: project.name,
    subscription,
    orgId: stableUuid('org', project.name),
    apiKey: await secret(project.apiKeySecretRef),
    webhookSecret: project.webhookSecretRef === undefined ? undefined : await secret(project.webhookSecretRef),
    webhookAuth: project.webhookAuth,
    requestsPerMinute: project.requestsPerMinute,
    assistants: project.assistants,
    phoneNumbers: project.phoneNumbers,
  };
}

type PlacedProject = { readonly subscription: string; readonly limit: number; readonly project: ProjectSpec };

function describeClass(spec: ClassSpec, projects: readonly PlacedProject[]): DeclaredClass {
  const usable = projects.filter(
    ({ project }) =>
      selects(spec.projects.matchLabels, project.labels) && project.assistants.some((assistant) => assistant.name === spec.assistant),
  );
  const outbound = usable.filter(({ project }) =>
    project.phoneNumbers.some((number) => selects(spec.from?.matchLabels ?? {}, number.labels)),
  );
  const inbound = usable.filter(({ project }) =>
    spec.match.dialled.length === 0
      ? project.phoneNumbers.length > 0
      : project.phoneNumbers.some((number) => spec.match.dialled.includes(number.number)),
  );
  const home = spec.direction === 'Inbound' ? inbound : spec.direction === 'Outbound' ? outbound : usable;
  return {
    name: spec.name,
    direction: spec.direction,
    reservedAt: spec.reservedAt === undefined ? spread(spec.reserved ?? 0, home) : new Map(Object.entries(spec.reservedAt)),
    limit: spec.limit ?? Number.POSITIVE_INFINITY,
    dialled: spec.match.dialled,
    callerPrefixes: spec.match.callers,
    outboundAt: new Set(spec.direction === 'Inbound' ? [] : outbound.map((each) => each.subscription)),
    maxAttempts: spec.retry?.maxAttempts ?? 1,
    retryOn: new Set(spec.retry?.outcomes ?? []),
  };
}

function spread(reserved: number, home: readonly PlacedProject[]): ReadonlyMap<string, number> {
  const limits = new Map(home.map((each) => [each.subscription, each.limit]));
  const total = [...limits.values()].reduce((sum, limit) => sum + limit, 0);
  return new Map([...limits].map(([subscription, limit]) => [subscription, (reserved * limit) / total]));
}

function selects(wanted: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/** The newest value of a secret's file: its first line. */
async function readSecret(directory: string, ref: SecretRef): Promise<string> {
  const file = join(directory, ref.name, ref.key);
  const [first] = (await readFile(file, 'utf8')).trim().split(/\s+/);
  if (first === undefined || first === '') throw new Error(`${file} is empty; it must hold the secret ${ref.name}/${ref.key}.`);
  return first;
}
