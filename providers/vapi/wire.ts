import { z } from 'zod';
import { textOf } from '../../crds/text.ts';
import type { ReportedLimits, SeenCall } from './contract.ts';

/** What we read of the provider's answers. Everything else in them is ignored, and unknown values are normal: the provider ships weekly. */

const limits = z.object({
  concurrencyBlocked: z.boolean().default(false).catch(false),
  concurrencyLimit: z.number(),
  remainingConcurrentCalls: z.number(),
});

/** `subscriptionLimits` of an answer, or undefined when it carries none that we can read. */
export function reportedLimits(body: unknown): ReportedLimits | undefined {
  const parsed = z.object({ subscriptionLimits: limits }).safeParse(body);
  if (!parsed.success) return undefined;
  const { concurrencyBlocked, concurrencyLimit, remainingConcurrentCalls } = parsed.data.subscriptionLimits;
  return { blocked: concurrencyBlocked, limit: concurrencyLimit, remaining: remainingConcurrentCalls };
}

/** What the ledger can hold: no NUL, no half of a surrogate pair. */
const storable = (minLength: number, maxLength: number) =>
  textOf(minLength, maxLength).refine((value) => value.isWellFormed() && !value.includes('\0'), 'must be text without NUL');
const text = (maxLength: number) => storable(0, maxLength).optional().catch(undefined);

/** Where a live call is controlled. It needs no password, so it is treated as one. */
const monitor = z
  .object({ controlUrl: text(2_048) })
  .optional()
  .catch(undefined);

/** The answer to a creation. */
export const createdCall = z.object({ id: storable(1, 100), orgId: storable(0, 100).catch(''), monitor });

const liveStatuses = ['scheduled', 'queued', 'ringing', 'in-progress', 'forwarding'] as const;
const terminalStatuses: readonly string[] = ['ended', 'not-found', 'deletion-failed'];

/** What {@link overridesOf} puts into the metadata of every call. */
const ourMetadata = z
  .object({
    metadata: z.object({ trunkline: z.object({ pool: storable(0, 200), class: storable(0, 100), session: z.uuid().toLowerCase() }) }),
  })
  .optional()
  .catch(undefined);

const listedCall = z.object({
  id: storable(1, 100),
  orgId: storable(0, 100),
  name: text(200),
  type: text(100),
  status: text(100),
  endedReason: text(200),
  phoneNumberId: text(100),
  customer: z
    .object({ number: text(60) })
    .optional()
    .catch(undefined),
  assistantOverrides: ourMetadata,
  monitor,
  createdAt: z.iso.datetime({ offset: true }),
  updatedAt: z.iso.datetime({ offset: true }),
  cost: z.number().optional().catch(undefined),
});

/** A call of a list or a look-up, reduced to what we use; undefined when it has no id, no org or no times. */
export function seenCall(row: unknown): SeenCall | undefined {
  const parsed = listedCall.safeParse(row);
  if (!parsed.success) return undefined;
  const { customer, assistantOverrides, monitor: control, type, status, cost, ...call } = parsed.data;
  return {
    ...call,
    name: call.name,
    endedReason: call.endedReason,
    phoneNumberId: call.phoneNumberId,
    direction: direction(type),
    ...statusOf(status),
    customerNumber: customer?.number,
    ours: assistantOverrides?.metadata.trunkline,
    controlUrl: control?.controlUrl,
    costUsd: cost,
  };
}

function statusOf(status: string | undefined): Pick<SeenCall, 'status' | 'terminal'> {
  if (status !== undefined && terminalStatuses.includes(status)) return { status: 'ended', terminal: true };
  return { status: liveStatuses.find((known) => known === status) ?? 'unknown', terminal: false };
}

function direction(type: string | undefined): SeenCall['direction'] {
  if (type === 'inboundPhoneCall') return 'Inbound';
  return type === 'outboundPhoneCall' ? 'Outbound' : 'Web';
}
