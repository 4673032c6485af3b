import type { OpenAttempt } from '../../ledger/dispatch/open-attempts.ts';
import type { WorkerId } from '../../ledger/workers.ts';

/** An attempt that is overdue is asked for by id during this long; then it was sent or answered without a word, or the rare look at all finds it. */
const askedForMs = 3_000;

/**
 * Admissions of which nobody has said yet that they were sent or answered: the few that may have to be taken back, or be looked up after their owner. So
 * the dispatcher asks the ledger for these by id, and not for all calls that live. What is remembered here decides nothing: the ledger compares.
 */
export class Unsent {
  readonly #attempts = new Map<string, OpenAttempt>();
  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** Enters an attempt as it is now; one that was sent, answered or ended leaves. */
  note(attempt: OpenAttempt): void {
    const open = attempt.state === 'admitted' || attempt.state === 'sending';
    if (open && !attempt.ambiguous) this.#attempts.set(attempt.id, attempt);
    else this.#attempts.delete(attempt.id);
  }

  get size(): number {
    return this.#attempts.size;
  }

  /** Whether the answer to any creation is still to come. */
  hasDials(): boolean {
    for (const { direction } of this.#attempts.values()) if (direction === 'Outbound') return true;
    return false;
  }

  /** Those whose time to be sent is over, and outbound ones that must not be sent any more. */
  toTakeBack(nowMs: number, mustStop: (attempt: OpenAttempt) => boolean): readonly string[] {
    const ids: string[] = [];
    const sinceMs = Math.min(this.#askedAtMs, nowMs) - askedForMs;
    this.#askedAtMs = nowMs;
    for (const attempt of this.#attempts.values()) {
      const { id, direction, sendByMs } = attempt;
      const lateSinceMs = sendByMs ?? nowMs;
      if (lateSinceMs < sinceMs) {
        // Nobody is told when a caller is answered, so it is most likely live by now. A dial stays until its creation has an answer.
        if (direction === 'Inbound') this.#attempts.delete(id);
      } else if (lateSinceMs < nowMs || (direction === 'Outbound' && mustStop(attempt))) ids.push(id);
    }
    return ids;
  }

  /** Dials that wait for the answer to their creation for too long, or whose owner does not serve. */
  toLookUp(sentBeforeMs: number, serving: readonly WorkerId[]): readonly string[] {
    const ids: string[] = [];
    for (const { id, direction, owner, admittedAtMs } of this.#attempts.values()) {
      if (direction === 'Inbound') continue;
      if ((admittedAtMs ?? sentBeforeMs) <= sentBeforeMs || owner === null || !serving.includes(owner)) ids.push(id);
    }
    return ids;
  }
}
