import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { ClassPolicy, ProjectPolicy } from '../../../capacity/policy/policy.ts';
import type { WebhookAuth } from '../../../crds/subscriptions.ts';
import { assistantName, className, projectName, subscriptionName } from '../../../crds/values.ts';
import { AssistantMissing, assistantAnswer, createCallBody, refusalAnswer, type ServerLink } from '../../../providers/vapi/requests.ts';
import { violationsOf } from '../../../simulator/vapi/spec/conformance.ts';

const seller = assistantName.parse('seller');

const project: ProjectPolicy = {
  name: projectName.parse('us-sales'),
  subscription: subscriptionName.parse('us-main'),
  baseUrl: 'https://api.vapi.ai',
  apiKey: { name: 'vapi', key: 'apiKey' },
  webhookSecret: undefined,
  webhookAuth: { type: 'Secret' },
  requestsPerMinute: 60,
  weight: 1,
  assistants: new Map([[seller, 'assistant-1']]),
  phoneNumbers: [],
  labels: {},
  upstreams: [],
};
const classPolicy: ClassPolicy = {
  name: className.parse('campaign'),
  priority: 100,
  direction: 'Outbound',
  assistant: seller,
  reserved: 0,
  reservedAt: undefined,
  limit: undefined,
  weight: 1,
  match: { dialled: [], callerPrefixes: [], labels: {} },
  eligible: { Inbound: [], Outbound: [project.name] },
  callFrom: new Map(),
  affinity: [],
  maxWaitMs: 2_000,
  overflow: undefined,
  whenUnavailable: undefined,
  maxDepth: 100,
  retry: undefined,
  session: { maxDurationMs: 600_000, ringTimeoutMs: 45_000, silenceTimeoutMs: 30_000 },
};
const link: ServerLink = { publicUrl: 'https://voice.example.com/', webhookSecret: 'w1', handlerEvents: false };
const conversation = { pool: 'sales', sessionId: 's-1', class: classPolicy, project, link };
const attempt = {
  attemptId: '0198f3a2-3c1e-7000-8a00-0f3c5e7aabcd',
  fromNumberId: 'pn-1',
  customer: { number: '+14155550123', name: 'Ada' },
};

describe('a call that we place', () => {
  test('carries its name, its bounds and the way to us', () => {
    expect(createCallBody({ ...conversation, ...attempt, context: { offer: 7 } })).toEqual({
      name: 'tl-0198f3a2-3c1e-7000-8a00-0f3c5e7aabcd',
      assistantId: 'assistant-1',
      phoneNumberId: 'pn-1',
      customer: { number: '+14155550123', name: 'Ada' },
      assistantOverrides: {
        maxDurationSeconds: 600,
        silenceTimeoutSeconds: 30,
        server: {
          url: 'https://voice.example.com/v1/vapi/us-sales',
          timeoutSeconds: 20,
          headers: { 'x-vapi-secret': 'w1' },
          backoffPlan: { type: 'exponential', maxRetries: 10, baseDelaySeconds: 1 },
        },
        serverMessages: ['status-update', 'end-of-call-report'],
        variableValues: { offer: 7 },
        metadata: { trunkline: { pool: 'sales', class: 'campaign', session: 's-1' } },
        transportConfigurations: [{ provider: 'twilio', timeout: 45 }],
      },
    });
  });

  test('names no server when there is no public URL', () => {
    const { assistantOverrides } = createCallBody({ ...conversation, ...attempt, link: { ...link, publicUrl: undefined } });
    expect(assistantOverrides).not.toHaveProperty('server');
    expect(assistantOverrides).not.toHaveProperty('serverMessages');
  });

  test('asks for what the handler answers when there is one', () => {
    const { assistantOverrides } = createCallBody({ ...conversation, ...attempt, link: { ...link, handlerEvents: true } });
    expect(assistantOverrides.serverMessages).toEqual([
      'status-update',
      'end-of-call-report',
      'tool-calls',
      'transfer-destination-request',
      'handoff-destination-request',
    ]);
  });

  test("names a credential of the provider's and sends no secret along", () => {
    const webhookAuth: WebhookAuth = { type: 'Bearer', credentialId: 'cred-1', header: 'authorization' };
    const { assistantOverrides } = createCallBody({ ...conversation, ...attempt, project: { ...project, webhookAuth } });
    expect(assistantOverrides.server).toMatchObject({ credentialId: 'cred-1' });
    expect(assistantOverrides.server).not.toHaveProperty('headers');
  });

  test.each([
    { name: undefined, sent: undefined },
    { name: '  ', sent: undefined },
    { name: 'x'.repeat(60), sent: 'x'.repeat(40) },
    { name: '👩‍🦰'.repeat(30), sent: [...'👩‍🦰'.repeat(30)].slice(0, 40).join('') },
  ])('cuts the name $name to what the provider takes', ({ name, sent }) => {
    expect(createCallBody({ ...conversation, ...attempt, customer: { number: '+14155550123', name } }).customer.name).toBe(sent);
  });

  test('is not made for an assistant that the project does not have', () => {
    expect(() => createCallBody({ ...conversation, ...attempt, project: { ...project, assistants: new Map() } })).toThrow(AssistantMissing);
  });
});

describe('everything that we send conforms to the published description', () => {
  const bounds = fc.integer({ min: 1_000, max: 43_200_000 });
  const anyAuth = fc.constantFrom<WebhookAuth>({ type: 'Secret' }, { type: 'Bearer', credentialId: 'c', header: 'authorization' });
  const anyConversation = fc
    .record({
      session: fc.record({ maxDurationMs: bounds, ringTimeoutMs: bounds, silenceTimeoutMs: bounds }),
      publicUrl: fc.constantFrom(undefined, 'https://voice.example.com', 'https://voice.example.com/under/'),
      handlerEvents: fc.boolean(),
      webhookAuth: anyAuth,
      context: fc.option(fc.dictionary(fc.string(), fc.jsonValue()), { nil: undefined }),
      name: fc.option(fc.string({ unit: 'grapheme', maxLength: 200 }), { nil: undefined }),
    })
    .map(({ session, publicUrl, handlerEvents, webhookAuth, context, name }) => ({
      pool: 'sales',
      sessionId: 's-1',
      class: { ...classPolicy, session },
      project: { ...project, webhookAuth },
      link: { publicUrl, webhookSecret: 'w1', handlerEvents },
      context,
      name,
    }));

  property.prop([anyConversation])('calls', ({ name, ...call }) => {
    expect(violationsOf('CreateCallDTO', createCallBody({ ...call, ...attempt, customer: { number: '+14155550123', name } }))).toEqual([]);
  });

  property.prop([anyConversation])('answers to callers who get their assistant', ({ name: _, ...call }) => {
    expect(violationsOf('ServerMessageResponseAssistantRequest', assistantAnswer(call))).toEqual([]);
  });

  test('answers to callers who do not', () => {
    const message = refusalAnswer({ message: 'All lines are busy.' });
    const transfer = refusalAnswer({ transfer: { number: '+14155550100' } });
    expect(message).toEqual({ error: 'All lines are busy.' });
    expect(transfer).toEqual({ destination: { type: 'number', number: '+14155550100' } });
    for (const answer of [message, transfer]) expect(violationsOf('ServerMessageResponseAssistantRequest', answer)).toEqual([]);
  });
});
