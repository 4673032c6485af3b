/**
 * How far facts may be apart before they contradict each other. Within the ledger nothing is tolerated: its instants come from one clock and the
 * statements of the dispatcher from one connection. These are for what lies between two parties.
 */

/**
 * The simulator's clock is monotonic since its start, PostgreSQL's is the machine's, which may be slewed by 500 ppm: 30 ms in a minute. Both round.
 */
export const clocksApartMs = 50;

/**
 * After this, a dispatcher that still writes has heard of what a worker committed. It looks twice a second; one that is stalled is deposed, or loses its
 * connection, within 6 s and its successor counts anew; and a statement of its own may take 5 s until it is given up.
 */
export const heardWithinMs = 12_000;

/** Instants that one statement wrote into one row. */
export const sameRowMs = 0.5;

/** Instants that one statement wrote into several rows, each with the clock at its own moment. */
export const sameBatchMs = 50;

/**
 * After the moment until which it may be sent, this much until a creation reaches the provider if the provider is to see it as it was paced. Later ones
 * were held up on the wire, and nobody paces a wire.
 */
export const onTimeMs = 150;

/** Between the look at the clock and the row that it allows, a busy machine may put a statement aside for this long. */
export const checkedThenWrittenMs = 500;

/** Past a call's own longest time: the grace until silence counts as wrong, and the look-ups that must fail for good before a slot is given up. */
export const graceMs = 120_000 + 120_000;

/** The longest release lag that is ever learned, and the dispatcher's next look. */
export const longestCoolingMs = 10_000 + heardWithinMs;
