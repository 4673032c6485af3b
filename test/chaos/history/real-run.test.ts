import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { poolName } from '../../../crds/values.ts';
import { startPostgres } from '../../../standalone/embedded-postgres.ts';
import { stateDirectory } from '../../support/command.ts';
import { startUp } from '../../system/run.ts';
import { checkHistory } from './check.ts';
import { admissionsOf } from './history.ts';
import { type HistorySource, readHistory } from './read.ts';

/** Where a run left its history; its server is started again for as long as the test lasts. */
async function sourceIn(state: string): Promise<HistorySource> {
  const server = await startPostgres({ directory: join(state, 'postgres'), log: () => undefined });
  onTestFinished(() => server.stop());
  return {
    ledgerUrl: server.url,
    pool: poolName.parse('short-calls'),
    simulatorDirectory: join(state, 'simulator'),
    logsDirectory: join(state, 'log'),
    limitsTold: 'in-answers',
  };
}

test('a real run leaves a history without a violation', { timeout: 240_000 }, async () => {
  const state = await stateDirectory();
  await startUp(state, { seconds: 8, pool: 'test/chaos/history/short-calls.yaml' }).summary();
  const history = await readHistory(await sourceIn(state));

  expect(checkHistory(history)).toEqual([]);
  // It can only be judged by what is there.
  expect(history.calls.filter(({ kind }) => kind === 'outbound').length).toBeGreaterThan(5);
  expect(history.calls.filter(({ kind }) => kind === 'inbound').length).toBeGreaterThan(3);
  expect(admissionsOf(history).length).toBeGreaterThan(8);
  expect(history.acknowledged.length).toBeGreaterThan(100);
  expect(history.said.epochs.length).toBeGreaterThan(0);
});
