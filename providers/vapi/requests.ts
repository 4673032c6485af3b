import type { ClassPolicy, ProjectPolicy } from '../../capacity/policy/policy.ts';
import type { Fallback } from '../../crds/classes.ts';
import { callNameOf } from './call-name.ts';
import type { AssistantOverrides, CreateCallBody, ServerMessage } from './contract.ts';

/** What we send to the provider, as pure data: calls that we place, and answers to `assistant-request`. */

/** How the provider reaches us about a call, and proves itself. */
export type ServerLink = {
  /** Absent without a public URL: then the call names no server, and is watched by polling. */
  readonly publicUrl: string | undefined;
  /** Sent along as `x-vapi-secret` and expected back; absent when the project signs by a credential of the provider's. */
  readonly webhookSecret: string | undefined;
  /** Whether the team's handler wants tool calls and the like. */
  readonly handlerEvents: boolean;
};

type Conversation = {
  readonly pool: string;
  readonly sessionId: string;
  readonly class: ClassPolicy;
  readonly project: ProjectPolicy;
  readonly link: ServerLink;
  /** What the conversation starts with: `variableValues`. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
};

/** The project has no assistant of the name that the class wants; the policy changed since the session was admitted. */
export class AssistantMissing extends Error {
  override readonly name = 'AssistantMissing';
}

/** Messages that every call sends us. */
export const watchedMessages: readonly ServerMessage[] = ['status-update', 'end-of-call-report'];
/** Messages that the team's handler answers. */
export const handlerMessages: readonly ServerMessage[] = ['tool-calls', 'transfer-destination-request', 'handoff-destination-request'];

const maxNameLength = 40;

/** Without a plan of its own, the provider delivers a webhook once and never again. */
const backoffPlan = { type: 'exponential', maxRetries: 10, baseDelaySeconds: 1 } as const;

/** The body of `POST /call`. @throws AssistantMissing */
export function createCallBody(
  call: Conversation & {
    readonly attemptId: string;
    readonly fromNumberId: string;
    readonly customer: { readonly number: string; readonly name: string | undefined };
  },
): CreateCallBody {
  const customerName = cut(call.customer.name ?? '', maxNameLength);
  const ringSeconds = between(1, seconds(call.class.session.ringTimeoutMs), 600);
  return {
    name: callNameOf(call.attemptId),
    assistantId: assistantIdOf(call),
    phoneNumberId: call.fromNumberId,
    customer: { number: call.customer.number, ...(customerName === '' ? {} : { name: customerName }) },
    assistantOverrides: { ...overridesOf(call), transportConfigurations: [{ provider: 'twilio', timeout: ringSeconds }] },
  };
}

/** The answer to `assistant-request` for a call that has a slot. @throws AssistantMissing */
export function assistantAnswer(call: Conversation): { readonly assistantId: string; readonly assistantOverrides: AssistantOverrides } {
  return { assistantId: assistantIdOf(call), assistantOverrides: overridesOf(call) };
}

/** The answer to `assistant-request` for a call that has none: a message is spoken, or the call goes on to somebody else. */
export function refusalAnswer(
  fallback: Fallback,
): { readonly error: string } | { readonly destination: { readonly type: 'number'; readonly number: string } } {
  if ('message' in fallback) return { error: fallback.message };
  return { destination: { type: 'number', number: fallback.transfer.number } };
}

/** What goes with every conversation, over the assistant's own settings, the team's answer included. */
export function overridesOf(call: Conversation): AssistantOverrides {
  const { session } = call.class;
  return {
    maxDurationSeconds: between(10, seconds(session.maxDurationMs), 43_200),
    silenceTimeoutSeconds: between(5, seconds(session.silenceTimeoutMs), 3_600),
    ...serverOf(call),
    ...(call.context === undefined ? {} : { variableValues: call.context }),
    metadata: { trunkline: { pool: call.pool, class: call.class.name, session: call.sessionId } },
  };
}

function serverOf({ link, project }: Conversation): Pick<AssistantOverrides, 'server' | 'serverMessages'> {
  if (link.publicUrl === undefined) return {};
  const auth = project.webhookAuth;
  const secret = auth.type === 'Secret' ? link.webhookSecret : undefined;
  return {
    server: {
      url: `${link.publicUrl.replace(/\/+$/, '')}/v1/vapi/${project.name}`,
      timeoutSeconds: 20,
      ...(auth.type === 'Secret' ? {} : { credentialId: auth.credentialId }),
      ...(secret === undefined ? {} : { headers: { 'x-vapi-secret': secret } }),
      backoffPlan,
    },
    serverMessages: link.handlerEvents ? [...watchedMessages, ...handlerMessages] : watchedMessages,
  };
}

function assistantIdOf(call: Conversation): string {
  const id = call.project.assistants.get(call.class.assistant);
  if (id === undefined) throw new AssistantMissing(`project ${call.project.name} has no assistant ${call.class.assistant}`);
  return id;
}

/** The provider counts characters, not UTF-16 units. */
function cut(text: string, maxLength: number): string {
  return [...text.trim()].slice(0, maxLength).join('');
}

function seconds(ms: number): number {
  return Math.round(ms / 1_000);
}

function between(min: number, value: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
