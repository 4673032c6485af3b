import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { className } from '../../../crds/values.ts';
import type { Database } from '../../../ledger/database.ts';
import { newId } from '../../../ledger/ids.ts';
import { queueDepth } from '../../../ledger/sessions/depth.ts';
import { insertSessions, type NewSession } from '../../../ledger/sessions/insert.ts';
import { troubleOf } from '../../../ledger/trouble.ts';
import { sessionRequest } from '../../../workers/intake/session-request.ts';
import { freshLedger } from '../../support/ledger.ts';

const campaign = className.parse('campaign');

function aSession(traits: Partial<NewSession> = {}): NewSession {
  const nothing = { project: undefined, name: undefined, context: undefined, notBefore: undefined, expiresAt: undefined };
  const key = traits.idempotencyKey;
  return {
    id: newId(),
    class: campaign,
    direction: 'Outbound',
    number: '+14155550100',
    labels: {},
    score: 0,
    ...nothing,
    idempotencyKey: key,
    requestHash: key === undefined ? undefined : '00'.repeat(32),
    ...traits,
  };
}

async function aPool(): Promise<{ readonly database: Database; readonly poolId: number }> {
  const { database } = await freshLedger();
  const { rows } = await database.query<{ id: number }>(`insert into pool (name) values ('sales') returning id`);
  return { database, poolId: rows[0]?.id ?? 0 };
}

describe('queueing a batch', () => {
  test('sent again after its answer was lost queues nothing twice', async () => {
    const { database, poolId } = await aPool();
    const batch = [aSession(), aSession({ idempotencyKey: 'a' }), aSession()];
    const first = await insertSessions(database, poolId, batch);
    expect(await insertSessions(database, poolId, batch)).toEqual(first);
    expect((await queueDepth(database, poolId)).queued).toEqual(new Map([[campaign, 3]]));
  });

  test('finds the first of a key within the batch and before it', async () => {
    const { database, poolId } = await aPool();
    const before = aSession({ idempotencyKey: 'a' });
    await insertSessions(database, poolId, [before]);
    const [once, twice] = [aSession({ idempotencyKey: 'b' }), aSession({ idempotencyKey: 'b' })];
    const other = aSession({ idempotencyKey: 'a', requestHash: '11'.repeat(32) });
    const inserted = await insertSessions(database, poolId, [aSession({ idempotencyKey: 'a' }), once, twice, other]);
    expect(inserted.map(({ id, created, conflict }) => ({ id, created, conflict }))).toEqual([
      { id: before.id, created: false, conflict: false },
      { id: once.id, created: true, conflict: false },
      { id: once.id, created: false, conflict: false },
      { id: before.id, created: false, conflict: true },
    ]);
  });

  test('lets the same key live in two pools', async () => {
    const { database, poolId } = await aPool();
    const { rows } = await database.query<{ id: number }>(`insert into pool (name) values ('support') returning id`);
    for (const pool of [poolId, rows[0]?.id ?? 0]) {
      expect(await insertSessions(database, pool, [aSession({ idempotencyKey: 'a' })])).toMatchObject([{ created: true }]);
    }
  });

  test('with keys in opposite order from two sides at once ends with each key once', async () => {
    const { database, poolId } = await aPool();
    const keys = Array.from({ length: 300 }, (_, index) => `key-${index}`);
    const send = async (order: readonly string[]): Promise<void> => {
      const batch = order.map((idempotencyKey) => aSession({ idempotencyKey }));
      for (let tries = 0; tries < 10; tries += 1) {
        try {
          await insertSessions(database, poolId, batch);
          return;
        } catch (error) {
          expect(troubleOf(error)).toBe('contended');
        }
      }
    };
    await Promise.all([send(keys), send(keys.toReversed())]);
    expect((await queueDepth(database, poolId)).queued).toEqual(new Map([[campaign, 300]]));
  });
});

describe('whatever the intake lets through', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 60 });
  property.prop([fc.dictionary(anyText, fc.jsonValue({ stringUnit: 'binary', maxDepth: 3 }), { maxKeys: 5 }), anyText, anyText], {
    numRuns: 60,
  })('the ledger can hold, and gives back as it was', async (context, name, key) => {
    const { database, poolId } = await kept();
    const customer = { number: '+14155550100', name };
    const parsed = sessionRequest.safeParse({ direction: 'Outbound', customer, context, idempotencyKey: key });
    if (!parsed.success) return;
    const session = aSession({ name: parsed.data.customer.name, context: parsed.data.context, idempotencyKey: `${newId()}${key}` });
    await insertSessions(database, poolId, [session]);
    const { rows } = await database.query('select name, context, idempotency_key as key from session where id = $1', [session.id]);
    expect(rows).toEqual([{ name, context: JSON.parse(JSON.stringify(context)), key: session.idempotencyKey }]);
  });

  let pool: ReturnType<typeof aPool> | undefined;
  const kept = () => {
    pool ??= aPool();
    return pool;
  };
});
