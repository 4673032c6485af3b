/** Something that must never be, found after a run. */
export type Violation = {
  /**
   * Which promise is broken: an invariant of the design, `Api` (the provider's description), `Team` (what the team's own logic and results are told), or `Flow` (it did not go on after everything was healed).
   * `Harness`: the seed could not be judged, which breaks no promise and shows none either.
   */
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10' | 'Api' | 'Team' | 'Flow' | 'Harness';
  readonly what: string;
  /** Attempts, sessions or calls that show it. */
  readonly ids: readonly string[];
};

/** A violation for every group of ids that is not empty. */
export function found(invariant: Violation['invariant'], what: string, ids: readonly string[]): readonly Violation[] {
  return ids.length === 0 ? [] : [{ invariant, what: `${what} (${ids.length})`, ids: ids.slice(0, 20) }];
}
