import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { freshLedger } from '../../support/ledger.ts';
import { kubectlSays, needsControllers, serveDefinition } from '../cluster.ts';
import { aNamespace } from '../operator/plane.ts';
import { anOperator, apply, poolNamed, seen, until, untilReason } from './operator.ts';

/** What runs goes on as it was, whatever becomes of the declaration or of the operator. */

const namespace = aNamespace();
beforeAll(serveDefinition);

const spec = z.object({ spec: z.object({ replicas: z.number() }) });
const replicas = async (pool: string) => spec.parse(await seen(namespace.name(), 'deployment', `${pool}-vcp`)).spec.replicas;

test('a fleet whose newest declaration is refused is kept as the one before wants it', async () => {
  const { url } = await freshLedger();
  await anOperator(namespace.name(), url);
  await apply(namespace.name(), poolNamed('kept'));
  await untilReason(namespace.name(), 'kept', 'Ready', 'Starting');
  await apply(namespace.name(), poolNamed('kept', { 'spec.classes[2].assistant': 'nobody' }));
  await untilReason(namespace.name(), 'kept', 'Accepted', 'Invalid');

  const before = await seen(namespace.name(), 'service', 'kept-vcp');
  await kubectlSays(['delete', 'service', 'kept-vcp', '-n', namespace.name()]);
  const made = await until('the Service is made again', () => seen(namespace.name(), 'service', 'kept-vcp'));
  expect(made.metadata.uid).not.toBe(before?.metadata.uid);
  const wanted = await replicas('kept');
  await kubectlSays(['scale', 'deployment/kept-vcp', '--replicas=9', '-n', namespace.name()]);
  await until('replicas are put back', async () => (await replicas('kept')) === wanted);
});

test('a worker that an operator has asked to leave is not called back by the next one, and goes when it has drained', async (context) => {
  needsControllers(context);
  const { database, url } = await freshLedger();
  const first = await anOperator(namespace.name(), url, 'first');
  await apply(namespace.name(), poolNamed('shrinking', { 'spec.scaling': { minReplicas: 3, maxReplicas: 5 } }));
  await untilReason(namespace.name(), 'shrinking', 'Ready', 'Starting');
  const pods = await until('three pods', async () => {
    const listed = await kubectlSays(['get', 'pods', '-n', namespace.name(), '-l', 'trunkline.dev/pool=shrinking', '-o', 'name']);
    const names = listed.trim().split('\n');
    return names.length === 3 && names.map((name) => name.replace('pod/', ''));
  });
  await first.stop('SIGTERM');

  await apply(namespace.name(), poolNamed('shrinking', { 'spec.scaling': { minReplicas: 2, maxReplicas: 5 } }));
  await database.query(
    `insert into worker (pool_id, name, state, phase_asked)
     select pool.id, w.name, case when w.n = 1 then 'draining' else 'serving' end, case when w.n = 1 then 'drain' end
     from pool, unnest($1::text[]) with ordinality as w(name, n) where pool.name like '%/shrinking'`,
    [pods],
  );
  const asked = async () => {
    const { rows } = await database.query<{ name: string }>(`select name from worker where phase_asked = 'drain'`);
    return rows.map(({ name }) => name);
  };
  const second = await anOperator(namespace.name(), url, 'second');
  await until('the second leads', () => second.process.err().includes('"leading"'));
  for (let look = 0; look < 8; look += 1) {
    expect(await asked()).toEqual([pods[0]]);
    expect(await replicas('shrinking')).toBe(3);
    await pause(1_000);
  }
  await database.query(`update worker set state = 'drained' where phase_asked = 'drain'`);
  await until('it is let go', async () => (await replicas('shrinking')) === 2, 15_000);
});
