import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { WebhookAuth } from '../../../crds/subscriptions.ts';
import { parseServerMessage, verifyWebhook } from '../../../providers/vapi/webhooks.ts';

const raw = Buffer.from('{"message":{"type":"hang"}}');
const nowMs = Date.parse('2026-08-20T10:00:00Z');
const nowSeconds = String(nowMs / 1_000);
const hmac: Extract<WebhookAuth, { type: 'Hmac' }> = {
  type: 'Hmac',
  credentialId: 'c1',
  algorithm: 'sha256',
  signatureHeader: 'X-Signature',
  timestampHeader: 'x-timestamp',
  signaturePrefix: '',
  encoding: 'hex',
  payloadFormat: '{timestamp}.{body}',
};
const sign = (secret: string, payload: string, algorithm = 'sha256', encoding: 'hex' | 'base64' = 'hex') =>
  createHmac(algorithm, secret).update(payload).digest(encoding);

describe('a webhook with a shared secret', () => {
  const auth: WebhookAuth = { type: 'Secret' };
  test.each([
    { name: 'the secret', headers: { 'x-vapi-secret': 's1' }, secrets: ['s1'], wanted: 'verified' },
    { name: 'the old one while two are valid', headers: { 'x-vapi-secret': 's1' }, secrets: ['s2', 's1'], wanted: 'verified' },
    { name: 'the new one while two are valid', headers: { 'x-vapi-secret': 's2' }, secrets: ['s2', 's1'], wanted: 'verified' },
    { name: 'another one', headers: { 'x-vapi-secret': 's3' }, secrets: ['s2', 's1'], wanted: 'wrong' },
    { name: 'a prefix of it', headers: { 'x-vapi-secret': 's' }, secrets: ['s1'], wanted: 'wrong' },
    { name: 'none', headers: {}, secrets: ['s1'], wanted: 'missing' },
    { name: 'an empty one', headers: { 'x-vapi-secret': '' }, secrets: ['', 's1'], wanted: 'missing' },
    { name: 'one though we have none', headers: { 'x-vapi-secret': 's1' }, secrets: [], wanted: 'wrong' },
  ])('and $name is $wanted', ({ headers, secrets, wanted }) => {
    expect(verifyWebhook(raw, headers, secrets, auth)).toBe(wanted);
  });
});

describe('a webhook with a bearer token', () => {
  const auth: WebhookAuth = { type: 'Bearer', credentialId: 'c1', header: 'Authorization' };
  test.each([
    { headers: { authorization: 'Bearer t1' }, wanted: 'verified' },
    { headers: { authorization: 't1' }, wanted: 'verified' },
    { headers: { authorization: 'Bearer t2' }, wanted: 'wrong' },
    { headers: { 'x-vapi-secret': 't1' }, wanted: 'missing' },
  ])('$headers is $wanted', ({ headers, wanted }) => {
    expect(verifyWebhook(raw, headers, ['t1'], auth)).toBe(wanted);
  });
});

describe('a signed webhook', () => {
  const signed = { 'x-signature': sign('k1', `${nowSeconds}.${raw}`), 'x-timestamp': nowSeconds };
  test.each([
    { name: 'as it was signed', headers: signed, secrets: ['k1'], wanted: 'verified' },
    { name: 'by the old key of two', headers: signed, secrets: ['k2', 'k1'], wanted: 'verified' },
    {
      name: 'in upper case',
      headers: { ...signed, 'x-signature': signed['x-signature'].toUpperCase() },
      secrets: ['k1'],
      wanted: 'verified',
    },
    { name: 'by another key', headers: signed, secrets: ['k2'], wanted: 'wrong' },
    { name: 'with another time', headers: { ...signed, 'x-timestamp': String(nowMs / 1_000 + 1) }, secrets: ['k1'], wanted: 'wrong' },
    { name: 'without a signature', headers: { 'x-timestamp': nowSeconds }, secrets: ['k1'], wanted: 'missing' },
    { name: 'without a time', headers: { 'x-signature': signed['x-signature'] }, secrets: ['k1'], wanted: 'missing' },
  ])('$name is $wanted', ({ headers, secrets, wanted }) => {
    expect(verifyWebhook(raw, headers, secrets, hmac, nowMs)).toBe(wanted);
  });

  test.each([
    { name: 'five minutes old', atMs: nowMs - 300_000, wanted: 'verified' },
    { name: 'older', atMs: nowMs - 301_000, wanted: 'stale' },
    { name: 'from the future', atMs: nowMs + 301_000, wanted: 'stale' },
  ])('$name is $wanted, in seconds, milliseconds and as a date', ({ atMs, wanted }) => {
    for (const timestamp of [String(atMs / 1_000), String(atMs), new Date(atMs).toISOString()]) {
      const headers = { 'x-signature': sign('k1', `${timestamp}.${raw}`), 'x-timestamp': timestamp };
      expect(verifyWebhook(raw, headers, ['k1'], hmac, nowMs)).toBe(wanted);
    }
  });

  test('over other bytes than those that came is wrong, equal JSON or not', () => {
    expect(verifyWebhook(Buffer.from('{"message": {"type":"hang"}}'), signed, ['k1'], hmac, nowMs)).toBe('wrong');
  });

  test.each(['sha1', 'sha256', 'sha512'] as const)('can be configured: %s, base64, a prefix, other headers, no time', (algorithm) => {
    const auth: WebhookAuth = {
      ...hmac,
      algorithm,
      encoding: 'base64',
      signaturePrefix: 'v1=',
      signatureHeader: 'x-sig',
      payloadFormat: 'a{body}b',
    };
    const headers = { 'x-sig': `v1=${sign('k1', `a${raw}b`, algorithm, 'base64')}` };
    expect(verifyWebhook(raw, headers, ['k1'], auth, nowMs)).toBe('verified');
    expect(verifyWebhook(raw, { 'x-sig': headers['x-sig'].slice(3) }, ['k1'], auth, nowMs)).toBe('wrong');
  });
});

const call = {
  id: 'call-1',
  orgId: 'org-1',
  name: 'tl-1',
  type: 'inboundPhoneCall',
  phoneNumberId: 'pn-1',
  customer: { number: '+14155550123' },
  monitor: { controlUrl: 'https://control.example/1' },
};
const parse = (message: unknown) => parseServerMessage(Buffer.from(JSON.stringify({ message })));

describe('a server message', () => {
  test('asks for an assistant', () => {
    expect(parse({ type: 'assistant-request', timestamp: 5, call, phoneNumber: { id: 'pn-1', number: '+14155550100' } })).toEqual({
      kind: 'assistant-request',
      callId: 'call-1',
      callName: 'tl-1',
      orgId: 'org-1',
      controlUrl: 'https://control.example/1',
      phoneNumberId: 'pn-1',
      dialledNumber: '+14155550100',
      callerNumber: '+14155550123',
      direction: 'Inbound',
      timestampMs: 5,
      dedupeKey: 'call-1|assistant-request||5',
    });
  });

  test('tells a status, a new one too, and is the same message each time it comes', () => {
    const ringing = { type: 'status-update', status: 'ringing', timestamp: 5, call };
    expect(parse(ringing)).toMatchObject({
      kind: 'status-update',
      status: 'ringing',
      direction: 'Inbound',
      dedupeKey: 'call-1|status-update|ringing|5',
    });
    expect(parse({ ...ringing, status: 'a-status-of-tomorrow' })).toMatchObject({ status: 'a-status-of-tomorrow' });
    expect(parse({ ...ringing, status: 'ended', endedReason: 'voicemail' })).toMatchObject({ status: 'ended', endedReason: 'voicemail' });
  });

  test('reports the end, with its cost', () => {
    const report = {
      type: 'end-of-call-report',
      endedReason: 'customer-ended-call',
      cost: 0.2,
      startedAt: 'a',
      endedAt: 'b',
      timestamp: 9,
      call,
    };
    expect(parse({ ...report, analysis: { summary: 'x' }, artifact: { transcript: 'x'.repeat(5_000_000) } })).toMatchObject({
      kind: 'end-of-call-report',
      endedReason: 'customer-ended-call',
      costUsd: 0.2,
      startedAt: 'a',
      endedAt: 'b',
      timestampMs: 9,
      dedupeKey: 'call-1|end-of-call-report||9',
    });
  });

  test('of any other type is named, with or without a call', () => {
    expect(parse({ type: 'tool-calls', call, timestamp: 1 })).toEqual({
      kind: 'other',
      type: 'tool-calls',
      callId: 'call-1',
      callName: 'tl-1',
      dedupeKey: 'call-1|tool-calls||1',
    });
    expect(parse({ type: 'campaign.predial' })).toMatchObject({ kind: 'other', type: 'campaign.predial', callId: undefined });
  });

  test.each([
    { name: 'is no JSON', body: 'what?', path: '' },
    { name: 'is empty', body: '', path: '' },
    { name: 'has no message', body: '{}', path: 'message' },
    { name: 'has no type', body: '{"message":{}}', path: 'message.type' },
    { name: 'has a status without a call', body: '{"message":{"type":"status-update","status":"ringing"}}', path: 'message.call' },
    { name: 'has a call without id', body: '{"message":{"type":"assistant-request","call":{}}}', path: 'message.call.id' },
    { name: 'has no status', body: JSON.stringify({ message: { type: 'status-update', call } }), path: 'message.status' },
    { name: 'reports no reason', body: JSON.stringify({ message: { type: 'end-of-call-report', call } }), path: 'message.endedReason' },
  ])('that $name is invalid at "$path"', ({ body, path }) => {
    expect(parseServerMessage(Buffer.from(body))).toMatchObject({ kind: 'invalid', path });
  });

  test('that is nested without end does no harm', () => {
    const deep = `{"message":{"type":"tool-calls","x":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`;
    expect(parseServerMessage(Buffer.from(deep)).kind).toMatch(/other|invalid/);
  });
});
