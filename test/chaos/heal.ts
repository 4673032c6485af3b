import { signalProcess } from '../../standalone/postmaster.ts';
import type { World } from './world.ts';

/** Makes everything whole again, whatever a fault has left behind. */
export async function healAll({ workers, server, note }: World): Promise<void> {
  for (const worker of workers) {
    worker.ledger.set({ kind: 'pass' });
    worker.provider.set({ kind: 'pass' });
    worker.signal('SIGCONT');
  }
  for (const pid of await server.processes()) signalProcess(pid, 'SIGCONT');
  await server.start();
  note('everything is healed');
}
