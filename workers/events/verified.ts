import type { Request } from 'express';
import type { Logger } from 'pino';
import type { ProjectPolicy } from '../../capacity/policy/policy.ts';
import { verifyWebhook } from '../../providers/vapi/webhooks.ts';
import { openBodyShare, readBody } from '../intake/body.ts';
import { Problem } from '../intake/problem.ts';
import type { Secrets } from '../secrets.ts';
import { openRefusals } from './refusals.ts';

/** Reports carry whole assistants and transcripts: several megabytes are normal. */
const maxBytes = 10 * 1_024 * 1_024;
const bodyWithinMs = 10_000;
/** What bodies may hold together whose signature can only be checked when they are whole. */
const unverifiedBytes = 64 * 1_024 * 1_024;

/** Reads what the provider posts, and lets through what is the provider's own. Verified over the raw bytes before anything is read from them. */
export type Verified = {
  /** The project that the request names, and its body. @throws Problem */
  receive(request: Request): Promise<{ readonly project: ProjectPolicy; readonly raw: Buffer }>;
};

export function openVerified(deps: {
  /** Projects whose calls may live: declared ones, and those that were removed since. */
  readonly projects: () => readonly ProjectPolicy[];
  readonly secrets: Secrets;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
}): Verified {
  const unverified = openBodyShare(unverifiedBytes);
  const refusals = openRefusals(deps);

  /** @throws Problem */
  async function verify(raw: Buffer, request: Request, project: ProjectPolicy): Promise<void> {
    const [field] = proofHeaders(project);
    if (project.webhookSecret === undefined) {
      throw new Problem('webhook-not-verified', { detail: 'the project declares no webhookSecretRef to verify it by', field });
    }
    const secrets = await deps.secrets.readAll(project.webhookSecret);
    const verdict = verifyWebhook(raw, request.headers, secrets, project.webhookAuth);
    if (verdict === 'verified') return;
    refusals.note(project.name, verdict);
    throw new Problem('webhook-not-verified', { detail: `its proof is ${verdict}`, field });
  }

  return {
    async receive(request) {
      const project = deps.projects().find((candidate) => candidate.name === request.params['project']);
      if (project === undefined) throw new Problem('not-found', { detail: 'this pool has no project of that name', field: 'project' });
      const isSigned = project.webhookAuth.type === 'Hmac';
      const bounds = { maxBytes, timeoutMs: bodyWithinMs };
      // Nothing is kept for a stranger that we can tell by the headers alone.
      if (!isSigned) await verify(Buffer.alloc(0), request, project);
      const raw = await readBody(request, isSigned ? { ...bounds, share: unverified } : bounds);
      if (raw.length === 0) throw new Problem('malformed-body', { detail: 'a server message of the provider was expected', field: 'body' });
      if (isSigned) await verify(raw, request, project);
      return { project, raw };
    },
  };
}

/** Headers by which a webhook of this project proves where it comes from. */
export function proofHeaders({ webhookAuth: auth }: ProjectPolicy): readonly [string, ...string[]] {
  switch (auth.type) {
    case 'Secret':
      return ['x-vapi-secret'];
    case 'Bearer':
      return [auth.header];
    case 'Hmac':
      return [auth.signatureHeader, auth.timestampHeader];
  }
}
