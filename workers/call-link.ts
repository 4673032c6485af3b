import type { ProjectPolicy } from '../capacity/policy/policy.ts';
import type { Secrets } from './secrets.ts';

/** How the provider reaches us about a call, and how it proves itself: what goes into every call that we make or answer. */
export type Link = {
  /** Absent without a public URL: no webhooks come, and calls are watched by polling. */
  readonly publicUrl: string | undefined;
  /** Sent along as `x-vapi-secret`; absent when the provider signs by a credential of its own. */
  readonly webhookSecret: string | undefined;
  /** Whether the team's handler wants tool calls and the like. */
  readonly handlerEvents: boolean;
};

export type CallLink = (project: ProjectPolicy) => Promise<Link>;

/** As the policy says now. */
export function openCallLink(options: {
  readonly publicUrl: () => string | undefined;
  readonly secrets: Secrets;
  readonly handlerEvents: () => boolean;
}): CallLink {
  return async (project) => {
    const publicUrl = options.publicUrl();
    const byHeader = project.webhookAuth.type === 'Secret' && publicUrl !== undefined;
    const webhookSecret = byHeader && project.webhookSecret !== undefined ? await options.secrets.read(project.webhookSecret) : undefined;
    return { publicUrl, webhookSecret, handlerEvents: options.handlerEvents() };
  };
}
