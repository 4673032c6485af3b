import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { poolManifest } from '../../../crds/pool.ts';
import type { Database } from '../../../ledger/database.ts';
import { type PoolId, writePolicy } from '../../../ledger/policy.ts';
import { serve } from '../../providers/vapi/http-server.ts';
import { freshLedger } from '../../support/ledger.ts';
import { salesPool } from '../intake/serving.ts';
import { aSecretsDirectory, type Pod, startPod, writeSecret } from '../pod.ts';

/** A handler that keeps something of a call in memory, in a fleet of real worker processes over a real ledger. */

const module = fileURLToPath(new URL('./modules/counting.ts', import.meta.url));

const [subscription] = salesPool.spec.subscriptions;
const [north, south] = subscription?.projects ?? [];
const statefulPool = poolManifest.parse({
  ...salesPool,
  spec: {
    ...salesPool.spec,
    subscriptions: [{ ...subscription, projects: [{ ...north, webhookSecretRef: { name: 'vapi-north', key: 'webhookSecret' } }, south] }],
    handler: { module, stateful: true },
    workers: { drain: { timeout: '20s' } },
  },
});

const message = (type: string, callId: string, more: object = {}) => ({
  message: { type, timestamp: 1_700_000_000_000, ...more, call: { id: callId, orgId: 'org-1', type: 'outboundPhoneCall' } },
});
const toolCall = (callId: string) => message('tool-calls', callId, { toolCallList: [] });

async function post(to: Pod, body: object): Promise<{ readonly status: number; readonly said: string | undefined }> {
  const response = await fetch(`${to.url}/v1/vapi/north`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-vapi-secret': 'hush' },
    body: JSON.stringify(body),
  });
  const answer: unknown = await response.json();
  return { status: response.status, said: JSON.stringify(answer).match(/\d+ by \d+/)?.[0] };
}

describe('with a stateful handler', () => {
  let database: Database;
  let poolId: PoolId;
  let first: Pod;
  let second: Pod;
  let worker: (name: string, peerPort?: number) => Promise<Pod>;
  const pidOf = ({ child }: Pod) => child.pid ?? 0;

  beforeEach(async () => {
    const { database: fresh, url } = await freshLedger();
    database = fresh;
    ({ poolId } = await writePolicy(database, statefulPool.metadata.name, statefulPool.spec));
    const provider = await serve(async () => ({ status: 200, body: [] }));
    const secrets = await aSecretsDirectory(url);
    await writeSecret(secrets, 'vapi-north', 'webhookSecret', 'hush');
    worker = (name, peerPort = 0) => startPod({ name, secrets, providerUrl: provider.url, peerPort });
    [first, second] = await Promise.all([worker('w1'), worker('w2')]);
    await Promise.all([first.serving(), second.serving()]);
  });

  test('all events of a call go to one worker, whoever gets them, each once', async () => {
    expect(await post(first, toolCall('call-1'))).toEqual({ status: 200, said: `1 by ${pidOf(first)}` });
    expect(await post(second, toolCall('call-1'))).toEqual({ status: 200, said: `2 by ${pidOf(first)}` });
    expect(await post(second, toolCall('call-2'))).toEqual({ status: 200, said: `1 by ${pidOf(second)}` });
    expect(await post(second, message('status-update', 'call-1', { status: 'in-progress' }))).toMatchObject({ status: 200 });
    const asked = () => post(first, message('conversation-update', 'call-1'));
    await vi.waitFor(async () => expect(await asked()).toMatchObject({ said: `3 by ${pidOf(first)}` }), { timeout: 5_000 });
  });

  test('nobody hands events to a worker without the proof of a webhook', async () => {
    const { rows } = await database.query<{ address: string }>(`select address from worker where name = 'w1'`);
    const ask = (home: string) =>
      fetch(`http://${rows[0]?.address}/v1/peer/north`, {
        method: 'POST',
        headers: { 'x-trunkline-home': home },
        body: JSON.stringify(toolCall('call-1')),
      });
    expect((await ask('w1')).status).toBe(401);
    expect((await ask('who-had-the-address-before')).status).toBe(421);
  });

  test('a call of a worker that was killed goes on with the next event, anew', async () => {
    await post(first, toolCall('call-1'));
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    expect(await post(second, toolCall('call-1'))).toEqual({ status: 200, said: `1 by ${pidOf(second)}` });
    expect(await post(second, toolCall('call-1'))).toEqual({ status: 200, said: `2 by ${pidOf(second)}` });
  });

  test('a worker that is told to leave answers for its calls until they are over, and takes no more', async () => {
    await post(first, toolCall('call-1'));
    await vi.waitFor(
      async () => {
        const { rows } = await database.query('select sessions from worker where pool_id = $1 order by name', [poolId]);
        expect(rows).toEqual([{ sessions: 1 }, { sessions: 0 }]);
      },
      { timeout: 5_000 },
    );
    const left = first.leave();
    await vi.waitFor(async () => expect((await first.ready()).status).toBe(503), { timeout: 5_000 });
    // A connection that was kept still leads here.
    expect(await post(first, toolCall('call-2'))).toEqual({ status: 200, said: `1 by ${pidOf(second)}` });
    await sleep(7_000);
    expect(await post(second, toolCall('call-1'))).toEqual({ status: 200, said: `2 by ${pidOf(first)}` });
    expect(first.child.exitCode).toBeNull();
    await post(second, message('end-of-call-report', 'call-1', { endedReason: 'customer-ended-call' }));
    expect((await left).code).toBe(0);
    expect((await left).ms).toBeLessThan(18_000);
  });

  test('events of the calls that a worker has are answered while the ledger is away, and others where they come in', async () => {
    await post(first, toolCall('call-1'));
    await database.query('alter table call_home rename to call_home_away');
    expect(await post(first, toolCall('call-1'))).toEqual({ status: 200, said: `2 by ${pidOf(first)}` });
    expect(await post(second, toolCall('call-1'))).toEqual({ status: 200, said: `1 by ${pidOf(second)}` });
  });

  test('a worker whose address for others is taken serves all the same, and keeps what comes to it', async () => {
    const { rows } = await database.query<{ address: string }>(`select address from worker where name = 'w1'`);
    const third = await worker('w3', Number(rows[0]?.address.split(':').at(-1)));
    await third.serving();
    expect(await post(third, toolCall('call-3'))).toEqual({ status: 200, said: `1 by ${pidOf(third)}` });
    expect(await post(first, toolCall('call-1'))).toEqual({ status: 200, said: `1 by ${pidOf(first)}` });
    expect(await post(third, toolCall('call-1'))).toEqual({ status: 200, said: `2 by ${pidOf(first)}` });
  });
});
