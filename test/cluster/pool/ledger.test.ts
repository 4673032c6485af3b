import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { openWire } from '../../chaos/proxy.ts';
import { freshLedger } from '../../support/ledger.ts';
import { serveDefinition } from '../cluster.ts';
import { aNamespace } from '../operator/plane.ts';
import { anOperator, apply, poolNamed, seen, until, untilReason } from './operator.ts';

const namespace = aNamespace();
beforeAll(serveDefinition);

test('without its ledger an operator makes fleets all the same, says so, and catches up', async () => {
  const { database, url } = await freshLedger();
  const { port } = new URL(url);
  const wire = await openWire(Number(port));
  onTestFinished(() => wire.close());
  const byWire = new URL(url);
  byWire.port = String(wire.port);
  wire.set({ kind: 'cut' });
  await anOperator(namespace.name(), byWire.href);
  await apply(namespace.name(), poolNamed('waiting'));

  await until('the Deployment', () => seen(namespace.name(), 'deployment', 'waiting-vcp'));
  await untilReason(namespace.name(), 'waiting', 'Ready', 'LedgerAway');
  wire.set({ kind: 'pass' });
  await untilReason(namespace.name(), 'waiting', 'Ready', 'Starting');
  const { rows } = await database.query(`select 1 from policy join pool on pool.id = policy.pool_id where pool.name like '%/waiting'`);
  expect(rows).toHaveLength(1);
});

test('where the ledger answers and fails, a pool says so in the words of the database, and is written when it is mended', async () => {
  const { database, url } = await freshLedger();
  await database.query(`
    create function no_room() returns trigger language plpgsql as $$ begin raise exception 'no room for policies'; end $$;
    create trigger no_room before insert on policy for each row execute function no_room()`);
  await anOperator(namespace.name(), url);
  await apply(namespace.name(), poolNamed('unwritten'));
  const ready = await untilReason(namespace.name(), 'unwritten', 'Ready', 'LedgerFails');
  expect(ready.message).toContain('no room for policies');
  await database.query('drop trigger no_room on policy');
  await untilReason(namespace.name(), 'unwritten', 'Ready', 'Starting');
});

test('a living pool that somebody has closed in the ledger is open again within seconds', async () => {
  const { database, url } = await freshLedger();
  await anOperator(namespace.name(), url);
  await apply(namespace.name(), poolNamed('closed'));
  const rows = (where: string) => database.query(`select from pool where name like '%/closed' and ${where}`);
  await untilReason(namespace.name(), 'closed', 'Ready', 'Starting');
  await database.query('update pool set closed_at = clock_timestamp()');
  await until('it is open', async () => (await rows('closed_at is null')).rowCount === 1, 20_000);
});
