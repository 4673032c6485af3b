import { writePolicy } from '../../ledger/policy.ts';
import { signalProcess } from '../../standalone/postmaster.ts';
import { until } from './waiting.ts';
import type { World } from './world.ts';

const recoversWithinMs = 20_000;

/** Makes everything whole again, whatever a fault has left behind. */
export async function healAll({ workers, server, database, draw, team, note }: World): Promise<void> {
  for (const worker of workers) {
    worker.ledger.set({ kind: 'pass' });
    worker.provider.set({ kind: 'pass' });
    worker.signal('SIGCONT');
  }
  for (const pid of await server.processes()) signalProcess(pid, 'SIGCONT');
  await server.start();
  // It may recover for a while from what was done to it.
  const answered = await until(() => database.query('select 1'), {
    ms: recoversWithinMs,
    everyMs: 50,
    signal: new AbortController().signal,
  });
  if (answered === undefined) throw new Error(`PostgreSQL does not answer ${recoversWithinMs / 1_000} s after it was healed`);
  // A promoted replica may have lost the last change of the policy; whoever declares pools declares them again.
  await writePolicy(database, draw.pool.name, team.placed(draw.spec));
  note('everything is healed');
}
