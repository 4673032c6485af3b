/**
 * The name of a call is all that the provider keeps of ours from the first moment on: it lets any worker, at any time, recognise whose call it is.
 * At most 40 characters: `tl-` and a UUID are 39.
 */

const prefix = 'tl-';
const pattern = /^tl-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;

export function callNameOf(attemptId: string): string {
  return `${prefix}${attemptId}`;
}

/** The attempt that a call belongs to, or undefined when the name is none of ours. */
export function attemptIdOf(callName: string | undefined): string | undefined {
  return callName === undefined ? undefined : pattern.exec(callName)?.[1];
}
