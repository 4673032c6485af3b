import type { Logger } from 'pino';
import type { ProjectName } from '../../crds/values.ts';

/** Who sends wrong proofs sends many: each project's are told at once, and then once a minute with how many there were since. */
const tellEveryMs = 60_000;

/** Tells the log of webhooks that could not be verified, in a number of lines that no sender can raise. */
export type Refusals = { note(project: ProjectName, verdict: string): void };

export function openRefusals(deps: {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
}): Refusals {
  const told = new Map<ProjectName, { readonly atMs: number; readonly since: number }>();
  return {
    note(project, verdict) {
      const last = told.get(project);
      const refused = (last?.since ?? 0) + 1;
      if (last !== undefined && deps.now() - last.atMs < tellEveryMs) {
        told.set(project, { atMs: last.atMs, since: refused });
        return;
      }
      told.set(project, { atMs: deps.now(), since: 0 });
      deps.log.warn({ project, verdict, refused }, 'webhooks refused');
    },
  };
}
