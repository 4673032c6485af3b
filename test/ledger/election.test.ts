import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { connectionConfig } from '../../ledger/database.ts';
import { beat, Deposed, standForElection } from '../../ledger/election.ts';
import { freshLedger } from '../support/ledger.ts';

async function twoCandidates() {
  const { database, url } = await freshLedger();
  await database.query(`insert into pool (name) values ('sales')`);
  const connect = async (applicationName: string) => {
    const client = new pg.Client(connectionConfig(url, { applicationName }));
    const lost = new Promise<void>((resolve) => client.once('end', resolve));
    client.on('error', () => undefined);
    await client.connect();
    onTestFinished(() => client.end());
    return { client, lost };
  };
  return { database, first: await connect('first'), second: await connect('second') };
}

test('of two who stand for election one dispatches, as long as it beats', async () => {
  const { first, second } = await twoCandidates();
  expect(await standForElection(first.client, 1, 1)).toEqual({ elected: true, epoch: 1, seq: 0 });
  expect(await standForElection(second.client, 1, 2)).toEqual({ elected: false });
  await expect(beat(first.client, 1, 1, {})).resolves.toBeUndefined();
});

test('who has not beaten for three seconds loses the connection, and the successor’s epoch is the next one', async () => {
  const { database, first, second } = await twoCandidates();
  await standForElection(first.client, 1, 1);
  await database.query(`update dispatcher set decision_seq = 41, beat_at = clock_timestamp() - interval '3.1 s'`);
  expect(await standForElection(second.client, 1, 2)).toEqual({ elected: true, epoch: 2, seq: 41 });
  await first.lost;
  await expect(beat(database, 1, 1, {})).rejects.toThrow(Deposed);
});
