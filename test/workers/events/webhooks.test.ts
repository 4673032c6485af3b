import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { compilePolicy } from '../../../capacity/policy/compile.ts';
import type { InboxEvent, StoredEvent } from '../../../ledger/inbox.ts';
import { writePolicy } from '../../../ledger/policy.ts';
import { InboxFull, openInboxWriter } from '../../../workers/events/inbox-writer.ts';
import { webhookRouter } from '../../../workers/events/webhooks.ts';
import { openSecrets } from '../../../workers/secrets.ts';
import { freshLedger } from '../../support/ledger.ts';
import { silent } from '../data-path.ts';
import { salesPool } from '../intake/serving.ts';

type Store = (event: InboxEvent) => Promise<StoredEvent | undefined>;

/** Where the provider posts to, with an inbox like this; project north has a secret. */
async function receiving(store: Store) {
  const directory = await mkdtemp(join(tmpdir(), 'trunkline-webhooks-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, 'north'));
  await writeFile(join(directory, 'north', 'webhookSecret'), 'the-secret');
  const projects = compilePolicy(salesPool).policy.projects.map((project) => ({
    ...project,
    webhookSecret: { name: 'north', key: 'webhookSecret' },
  }));
  const worked: string[] = [];
  const app = express();
  app.use(
    webhookRouter({
      projects: () => projects,
      secrets: openSecrets(directory),
      store,
      work: (event) => worked.push(event.callId),
      answerCaller: async () => ({ body: {}, kind: 'overflow' }),
      handler: { answer: async () => ({ kind: 'none' }), close: async () => undefined },
      observe: () => undefined,
      now: () => performance.now(),
      log: silent,
    }),
  );
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const post = (body: object, secret = 'the-secret'): Promise<number> =>
    fetch(`http://127.0.0.1:${address.port}/v1/vapi/north`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-vapi-secret': secret },
      body: JSON.stringify(body),
    }).then((answer) => answer.status);
  return { post, worked };
}

const ended = {
  message: {
    type: 'status-update',
    status: 'ended',
    endedReason: 'customer-ended-call',
    timestamp: 1_700_000_000_000,
    call: { id: 'call-1', orgId: 'org-1', type: 'outboundPhoneCall' },
  },
};

const asStored = (event: InboxEvent): StoredEvent => ({ ...event, id: '1' });

describe('a webhook', () => {
  test('is answered once it is written down, and not before', async () => {
    const committed = Promise.withResolvers<void>();
    const { post, worked } = await receiving(async (event) => {
      await committed.promise;
      return asStored(event);
    });
    let status = 0;
    const answered = post(ended).then((answer) => {
      status = answer;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([status, worked]).toEqual([0, []]);
    committed.resolve();
    await answered;
    expect([status, worked]).toEqual([200, ['call-1']]);
  });

  test('that cannot be written down is to be delivered again', async () => {
    const { post, worked } = await receiving(() => Promise.reject(new InboxFull('too many events wait for the ledger')));
    expect(await post(ended)).toBeGreaterThanOrEqual(500);
    expect(worked).toEqual([]);
  });

  test('of somebody else is neither written down nor worked on', async () => {
    const stored: string[] = [];
    const { post, worked } = await receiving(async (event) => {
      stored.push(event.callId);
      return asStored(event);
    });
    expect([await post(ended, 'a-guess'), await post(ended, '')]).toEqual([401, 401]);
    expect([stored, worked]).toEqual([[], []]);
  });

  test('that comes several times is worked on once', async () => {
    const { database } = await freshLedger();
    const { poolId } = await writePolicy(database, salesPool.metadata.name, salesPool.spec);
    const { post, worked } = await receiving(openInboxWriter(database, poolId).store);
    expect(await Promise.all([post(ended), post(ended), post(ended)])).toEqual([200, 200, 200]);
    expect(await post(ended)).toBe(200);
    expect(worked).toEqual(['call-1']);
  });
});
