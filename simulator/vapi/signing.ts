import { createHmac } from 'node:crypto';
import type { Org } from '../declaration.ts';

/**
 * The headers by which the provider proves that a webhook is its own, as the project's `webhookAuth` says. `Secret` is the plain header of a phone
 * number's server; `Bearer` and `Hmac` are the custom credential that a call's server names.
 */
export function signatureHeaders(org: Org, body: string, nowMs: number): Readonly<Record<string, string>> {
  const { webhookAuth: auth, webhookSecret: secret } = org;
  if (secret === undefined) return {};
  if (auth.type === 'Secret') return { 'x-vapi-secret': secret };
  if (auth.type === 'Bearer') return { [auth.header]: `Bearer ${secret}` };

  const timestamp = String(Math.floor(nowMs / 1_000));
  const payload = auth.payloadFormat.replaceAll('{timestamp}', () => timestamp).replaceAll('{body}', () => body);
  const digest = createHmac(auth.algorithm, secret).update(payload).digest(auth.encoding);
  return { [auth.timestampHeader]: timestamp, [auth.signatureHeader]: `${auth.signaturePrefix}${digest}` };
}
