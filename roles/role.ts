/** What every role that runs to an end, or until it is told to leave, has in common. */

/** Runs a role; what it cannot start with or go on with is one line on standard error, and status 1. */
export async function run(role: () => Promise<void>): Promise<void> {
  try {
    await role();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}

/** A line of progress for `kubectl logs`. */
export function say(text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${text.trimEnd()}\n`);
}

/** Calls `stop` once when the container is to end: its first process hears no signal that it does not ask for. */
export function onLeave(stop: () => void): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
}
