import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** What the API server wrote down about requests: what a client really asked, counted where it was answered. */

const entry = z.object({
  stage: z.string(),
  verb: z.string(),
  requestURI: z.string(),
  user: z.object({ username: z.string() }),
  objectRef: z.object({ resource: z.string(), subresource: z.string().optional(), name: z.string().optional() }).optional(),
  responseStatus: z.object({ code: z.number().optional() }).optional(),
  requestReceivedTimestamp: z.string(),
});

export type Audited = {
  readonly verb: string;
  /** Such as `deployments`, or `voicecapacitypools/status`. */
  readonly resource: string;
  readonly name: string | undefined;
  readonly code: number | undefined;
  readonly atMs: number;
};

/** Requests of a user, or of everybody, in this log that arrived since an instant, a watch counted once. */
export async function requestsOf(auditLog: string, username: string, sinceMs: number): Promise<readonly Audited[]> {
  const lines = (await readFile(auditLog, 'utf8')).split('\n');
  return lines.flatMap((line): readonly Audited[] => {
    if (line === '' || (username !== 'everybody' && !line.includes(`"username":"${username}"`))) return [];
    const { stage, verb, objectRef, responseStatus, requestReceivedTimestamp, requestURI } = entry.parse(JSON.parse(line));
    const atMs = Date.parse(requestReceivedTimestamp);
    if (atMs < sinceMs || (verb === 'watch' && stage === 'ResponseComplete')) return [];
    const resource = [objectRef?.resource ?? requestURI, ...(objectRef?.subresource === undefined ? [] : [objectRef.subresource])].join(
      '/',
    );
    return [{ verb, resource, name: objectRef?.name, code: responseStatus?.code, atMs }];
  });
}

/** As `verb resource` and how often, for a comparison that can be read. */
export function tally(requests: readonly Audited[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { verb, resource } of requests) counts[`${verb} ${resource}`] = (counts[`${verb} ${resource}`] ?? 0) + 1;
  return counts;
}
