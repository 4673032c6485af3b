import { z } from 'zod';
import type { Scenario } from '../contract.ts';
import type { Org } from '../declaration.ts';
import { type Random, seeded } from '../random.ts';
import { type CalleeManners, dial, ordinaryManners, scheduled } from '../traffic/callee.ts';
import type { Truth } from '../truth/truth.ts';
import type { Call } from './call.ts';
import type { Exchange } from './exchange.ts';
import { readOverrides } from './overrides.ts';
import { violationsOf } from './spec/conformance.ts';

/** What the provider answers to `POST /call`. `timeout` is no answer at all, though the call exists. */
export type Creation =
  | { readonly kind: 'created'; readonly call: Call }
  | { readonly kind: 'over-limit' }
  | { readonly kind: 'invalid'; readonly messages: readonly string[]; readonly violation: boolean }
  | { readonly kind: 'fault'; readonly status: number }
  | { readonly kind: 'timeout' };

const request = z.object({
  name: z.string().optional(),
  assistantId: z.string(),
  phoneNumberId: z.string(),
  customer: z.object({ number: z.string().regex(/^\+[1-9]\d{6,14}$/), name: z.string().optional() }),
  assistantOverrides: z.record(z.string(), z.unknown()).optional(),
});

/** Fields of a creation that the simulator acts upon. The others are in the description and refused here, so that nobody relies on them. */
const simulated: readonly string[] = ['name', 'assistantId', 'phoneNumberId', 'customer', 'assistantOverrides'];

export type CreationWorld = {
  readonly truth: Truth;
  readonly exchange: Exchange;
  readonly scenario: Scenario;
  readonly speed: number;
  /** Draws faults; people decide by their number instead, so that they do the same in every run. */
  readonly random: Random;
  /** Status that an outage of the project answers creations with now. */
  readonly outage: (project: string) => number | undefined;
};

/** Creates one outbound call as the provider does: request, resources, faults of the scenario, then the gate. */
export function createCall(world: CreationWorld, org: Org, body: unknown): Creation {
  const checked = check(org, body);
  if ('kind' in checked) return checked;
  const outage = world.outage(org.project);
  if (outage !== undefined) return { kind: 'fault', status: outage };

  const { timeoutAfter, errorBefore, errorAfter } = world.scenario.provider.creations;
  const chance = world.random();
  if (chance < errorBefore) return { kind: 'fault', status: 500 };
  const call = place(world, org, checked.data);
  if (call === 'over-limit') return { kind: 'over-limit' };
  if (chance < errorBefore + errorAfter) return { kind: 'fault', status: 500 };
  if (chance < errorBefore + errorAfter + timeoutAfter) return { kind: 'timeout' };
  return { kind: 'created', call };
}

function check(org: Org, body: unknown): Creation | { readonly data: z.infer<typeof request> } {
  const violations = violationsOf('CreateCallDTO', body);
  if (violations.length > 0) return { kind: 'invalid', messages: violations, violation: true };
  const fields = typeof body === 'object' && body !== null ? Object.keys(body) : [];
  const beyond = fields.filter((field) => !simulated.includes(field));
  if (beyond.length > 0) return { kind: 'invalid', messages: beyond.map((field) => `${field} is not simulated`), violation: true };

  const parsed = request.safeParse(body);
  if (!parsed.success) {
    const messages = parsed.error.issues.map((issue) =>
      issue.path.join('.') === 'customer.number'
        ? 'customer.number must be a valid phone number in the E.164 format'
        : `${issue.path.join('.')} is missing or malformed`,
    );
    return { kind: 'invalid', messages, violation: true };
  }
  const { assistantId, phoneNumberId, assistantOverrides } = parsed.data;
  const missing = [
    ...(org.assistants.some((each) => each.id === assistantId)
      ? []
      : [`Couldn't Get Assistant. \`assistantId\` ${assistantId} Does Not Exist.`]),
    ...(org.phoneNumbers.some((each) => each.id === phoneNumberId)
      ? []
      : [`Couldn't Get Phone Number. \`phoneNumberId\` ${phoneNumberId} Does Not Exist.`]),
    ...missingCredential(org, assistantOverrides),
  ];
  return missing.length > 0 ? { kind: 'invalid', messages: missing, violation: false } : { data: parsed.data };
}

function missingCredential(org: Org, assistantOverrides: unknown): readonly string[] {
  const credentialId = readOverrides(assistantOverrides).server?.credentialId;
  if (credentialId === undefined) return [];
  const known = org.webhookAuth.type !== 'Secret' && org.webhookAuth.credentialId === credentialId;
  return known ? [] : [`Couldn't Get Credential. \`credentialId\` ${credentialId} Does Not Exist.`];
}

function place(world: CreationWorld, org: Org, body: z.infer<typeof request>): Call | 'over-limit' {
  const overrides = readOverrides(body.assistantOverrides);
  const ofClass = overrides.metadata?.trunkline?.class;
  const { number } = body.customer;
  const attempt = world.truth.dials.attemptsOf(number);
  const bounds = {
    ringTimeoutMs: (overrides.transportConfigurations[0]?.timeout ?? 60) * 1_000,
    maxDurationMs: overrides.maxDurationSeconds * 1_000,
  };
  const steps = dial(seeded(world.scenario.seed, 'callee', number, attempt), mannersOf(world.scenario, ofClass), bounds);
  return world.exchange.create(
    { ...body, project: org.project, subscription: org.subscription, kind: 'outbound', class: ofClass },
    (nowMs) => scheduled(steps, nowMs, world.speed),
  );
}

function mannersOf(scenario: Scenario, ofClass: string | undefined): CalleeManners {
  const traffic = scenario.traffic.find((each) => each.kind === 'outbound' && each.class === ofClass);
  return traffic?.kind === 'outbound' ? traffic : ordinaryManners;
}
