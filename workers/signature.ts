import { createHmac } from 'node:crypto';

/**
 * How the team's addresses know that we are the sender: `x-trunkline-signature: sha256=<hex>` is the HMAC of `<timestamp>.<body>`, over the bytes of the
 * body as they are sent; `x-trunkline-timestamp` is in seconds since 1970, so that a receiver can refuse what was recorded long ago.
 */
export function signatureHeaders(secret: string, body: string | Uint8Array, nowMs: number): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signature = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
  return { 'x-trunkline-timestamp': timestamp, 'x-trunkline-signature': `sha256=${signature}` };
}
