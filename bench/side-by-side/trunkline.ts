import { beginSending } from '../../ledger/attempts/begin-sending.ts';
import { endAttempts } from '../../ledger/attempts/end.ts';
import { openDatabase } from '../../ledger/database.ts';
import { migrate } from '../../ledger/migrate.ts';
import { createWaker } from '../../ledger/wake.ts';
import { createGroupCommit } from '../../workers/group-commit.ts';
import { ordinary, shapedPool } from '../shapes.ts';
import { enqueue, enterStage, type Ground, hearAdmissions, putInForce, startDispatcher } from '../stage.ts';
import { over } from '../stand-in.ts';
import type { Contestant, Work } from './contestant.ts';

/** As the workers have it. */
const connections = 2;
const groups = { maxWaiting: 5_000, maxGroup: 100 };

export const trunkline: Contestant = {
  name: 'Trunkline',
  description:
    'one worker, the dispatcher in its thread. A job is a session: the dispatcher admits it, its worker claims it before it takes the line, and ends its attempt when it gives it back, together with others that end meanwhile; ledger and statements are the product’s own, the provider is left out',
  processes: 1,
  warmUpMs: 500,
  async prepare({ url, lines }, jobs) {
    const ground = await groundAt(url, lines);
    await enqueue(ground.database, ground.poolId, 'campaign', jobs);
    await ground.database.query('vacuum analyze session');
    await ground.database.end();
  },
  async work({ url, lines, hold }: Work) {
    const resources = new AsyncDisposableStack();
    const ground = await groundAt(url, lines);
    resources.defer(() => ground.database.end());
    const stage = await enterStage(ground, resources);
    const { database, poolId, owner } = stage;
    const waker = createWaker(database, poolId, tell);
    const ends = createGroupCommit(groups, async (ids: readonly string[]) => {
      const ended = await waker.withCommit((channel) => endAttempts(database, poolId, ids.map(over), channel));
      return ids.map((id) => ended.has(id));
    });
    async function run(ids: readonly string[]): Promise<void> {
      const claimed = await beginSending(database, poolId, owner, ids);
      await Promise.all(
        claimed.map(async ({ attemptId }) => {
          await hold();
          await ends.add(attemptId);
        }),
      );
    }
    let stopped = false;
    await hearAdmissions(stage, resources, (ids) => {
      run(ids).catch((error: unknown) => {
        // What is cut off in the middle of its work fails, and that is no news.
        if (!stopped) tell(error);
      });
    });
    await startDispatcher(stage, resources);
    return async () => {
      stopped = true;
      await resources.disposeAsync();
    };
  },
};

async function groundAt(url: string, lines: number): Promise<Ground> {
  const database = openDatabase(url, { applicationName: 'bench', maxConnections: connections, statementTimeoutMs: 120_000, onError: tell });
  await migrate(database);
  return putInForce({ url, database }, shapedPool({ ...ordinary, classes: 1, slots: lines }));
}

/** A job that fails is only told of: the counter sees that it is missing. */
function tell(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
}
