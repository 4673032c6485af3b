/** What the exit status of every command means. */
export const exitCode = {
  ok: 0,
  /** The command worked and the answer is no: an invalid manifest, sessions lost, nothing found. */
  negative: 1,
  usage: 2,
  /** Something the command needs is missing, unreachable or failed. */
  failed: 3,
} as const;
