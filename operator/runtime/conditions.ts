/** Conditions in the manner of Kubernetes: what is well with an object and what is not, one entry for each question. */
export type Condition = {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  /** The metadata.generation that was looked at. */
  readonly observedGeneration?: number | undefined;
  /** When `status` changed last, to the second. */
  readonly lastTransitionTime: string;
};

/** An answer found now. */
export type Finding = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** As long as the schema of a pool takes. */
const maxMessageChars = 4_096;

/**
 * The conditions to report, sorted by type so that equal findings give equal lists. A type without a finding is gone: every answer is found anew each
 * time. `lastTransitionTime` stays while the status does, whatever becomes of reason and message.
 */
export function transition(
  before: readonly Condition[],
  found: readonly Finding[],
  now: { readonly generation: number; readonly wallMs: number },
): readonly Condition[] {
  const earlier = new Map(before.map((condition) => [condition.type, condition]));
  const latest = new Map(found.map((finding) => [finding.type, finding]));
  return [...latest.values()]
    .map(({ type, status, reason, message }) => {
      const last = earlier.get(type);
      const lastTransitionTime = last?.status === status ? last.lastTransitionTime : secondOf(now.wallMs);
      const shown = message.length > maxMessageChars ? `${message.slice(0, maxMessageChars - 1)}…` : message;
      return { type, status, reason, message: shown, observedGeneration: now.generation, lastTransitionTime };
    })
    .sort((a, b) => (a.type < b.type ? -1 : a.type > b.type ? 1 : 0));
}

function secondOf(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
