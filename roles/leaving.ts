/** As a shell tells that SIGTERM ended a program. */
const terminated = 143;

/**
 * Ends the process when it is told to leave, until somebody else listens for that. The first process of a container hears no signal that it has no
 * listener for: a role takes seconds to load on a busy node, and one that is told to leave meanwhile would go on until it is killed, a minute later.
 */
export function leaveWhileLoading(): void {
  const leave = () => process.exit(terminated);
  process.on('SIGTERM', leave);
  process.on('newListener', function handOver(event: string | symbol) {
    if (event !== 'SIGTERM') return;
    process.off('newListener', handOver);
    // Only when the other one is there: without any listener Node stops hearing the signal, and does not begin again for one that is being added.
    process.nextTick(() => process.off('SIGTERM', leave));
  });
}
