import type { Logger } from 'pino';
import type { ProjectName } from '../../crds/values.ts';
import type { Providers } from '../providers.ts';

/** Connections that are opened at once for one project; a burst that came too late leaves as many warm for the next one. */
const atOnce = 8;
const withinMs = 10_000;

/**
 * Opens connections ahead of the next creations. A paced creation may be sent within 100 ms only, less than a first TLS handshake over a continent, and
 * one that is given up leaves no connection behind: without this, a pool far from its provider would never send anything. Any small request does, since
 * connections are kept.
 */
export function openWarmUp(deps: {
  readonly providers: Providers;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly log: Logger;
  readonly signal: AbortSignal;
}): (project: ProjectName) => void {
  const warming = new Map<ProjectName, number>();
  return (project) => {
    const provider = deps.providers.of(project);
    const before = warming.get(project) ?? 0;
    if (provider === undefined || before >= atOnce || deps.signal.aborted) return;
    warming.set(project, before + 1);
    const signal = AbortSignal.any([deps.signal, AbortSignal.timeout(withinMs)]);
    provider.api
      .listUpdatedSince(new Date(deps.wallClock()), { maxRequests: 1, signal })
      .catch((error: unknown) => deps.log.debug({ err: error, project }, 'no connection opened ahead'))
      .finally(() => warming.set(project, (warming.get(project) ?? 1) - 1));
  };
}
