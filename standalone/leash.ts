import { Socket } from 'node:net';

/**
 * Loaded into a child before its program: the child leaves when the pipe to its input closes, which happens whatever becomes of the supervisor, kill -9
 * included. It leaves by its own way of stopping, and at once when that takes long.
 */

const stopWithinMs = 3_000;

process.stdin.once('close', () => {
  setTimeout(() => process.exit(1), stopWithinMs).unref();
  process.kill(process.pid, 'SIGTERM');
});
process.stdin.on('error', () => process.stdin.destroy());
process.stdin.resume();
// The pipe alone is no reason to stay.
if (process.stdin instanceof Socket) process.stdin.unref();
