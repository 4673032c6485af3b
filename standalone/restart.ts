/** When a process that ended is started again: soon at first, later when it keeps ending, soon again after it has stayed up for a while. */

const firstDelayMs = 100;
const longestDelayMs = 10_000;
const healthyAfterMs = 30_000;

/** How often a process ended in a row without having been healthy in between. */
export function endingsInARow(before: number, livedMs: number): number {
  return livedMs >= healthyAfterMs ? 1 : before + 1;
}

/** Wait before the next start: 100 ms after the first ending, doubled with each further one, 10 s at most. */
export function restartDelayMs(endings: number): number {
  return Math.min(longestDelayMs, firstDelayMs * 2 ** Math.max(0, endings - 1));
}
