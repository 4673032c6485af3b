/**
 * The provider's request limit: so many requests per project in a minute of UTC. The count begins anew with the minute, and nothing in an answer says how
 * many are left.
 */
export class RequestRate {
  readonly #windows = new Map<string, { minute: number; used: number }>();

  /** Counts one request; false when the minute's requests are used up. A refused request does not count. */
  admit(project: string, limitPerMinute: number, nowMs: number): boolean {
    const minute = Math.floor(nowMs / 60_000);
    const window = this.#windows.get(project);
    const used = window?.minute === minute ? window.used : 0;
    if (used >= limitPerMinute) return false;
    this.#windows.set(project, { minute, used: used + 1 });
    return true;
  }
}
