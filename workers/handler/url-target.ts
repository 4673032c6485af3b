import type { HandlerSpec } from '../../crds/pool.ts';
import { always, openConnections } from '../../providers/connections.ts';
import { redact } from '../../providers/vapi/redact.ts';
import { signatureHeaders } from '../signature.ts';
import type { HandlerOptions, Target } from './handler.ts';

/**
 * Posts events to the team's address: the provider's bytes unchanged, signed by us, over kept-alive connections. Nothing is tried twice: a tool call
 * may book a table. Headers of the provider are not passed on, for they prove things to us that the team's address must not be able to repeat.
 */
export function openUrlTarget(spec: Extract<HandlerSpec, { url: string }>, options: HandlerOptions): Target {
  const connections = openConnections({ maxAnswerBytes: 2_000_000, maxSockets: 40 });
  const { secretRef } = spec;

  return {
    async answer({ raw, type, project, headers }, deadline) {
      try {
        const nowMs = options.wallClock?.() ?? Date.now();
        const signature = secretRef === undefined ? {} : signatureHeaders(await options.secrets.read(secretRef), raw, nowMs);
        const request = {
          method: 'POST',
          headers: {
            'content-type': headers['content-type'] ?? 'application/json',
            'x-trunkline-event': type,
            'x-trunkline-project': project,
            ...signature,
          },
          body: raw,
          signal: deadline,
        };
        const response = await connections.fetch(spec.url, request, always);
        if (!response.ok) return { kind: 'failed', detail: `the handler answered ${response.status}` };
        const body = Buffer.from(await response.arrayBuffer());
        if (body.length === 0) return { kind: 'none' };
        const contentType = response.headers.get('content-type') ?? 'application/json';
        return { kind: 'answer', status: response.status, body, contentType };
      } catch (error) {
        return { kind: 'failed', detail: redact(error instanceof Error ? describe(error) : String(error)) };
      }
    },
    close: async () => connections.close(),
  };
}

function describe(error: Error): string {
  return error.message === '' ? error.name : error.message;
}
