import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { compilePolicy } from '../../../capacity/policy/compile.ts';
import type { InboxEvent, StoredEvent } from '../../../ledger/inbox.ts';
import { writePolicy } from '../../../ledger/policy.ts';
import { InboxFull, openInboxWriter } from '../../../workers/events/inbox-writer.ts';
import { openVerified } from '../../../workers/events/verified.ts';
import { webhookRouter } from '../../../workers/events/webhooks.ts';
import { openLog } from '../../../workers/log.ts';
import { openSecrets } from '../../../workers/secrets.ts';
import { freshLedger } from '../../support/ledger.ts';
import { silent } from '../data-path.ts';
import { salesPool } from '../intake/serving.ts';

type Store = (event: InboxEvent) => Promise<StoredEvent | undefined>;

type Deps = Parameters<typeof webhookRouter>[0];

/** Where the provider posts to, with an inbox like this; project north has a secret. */
async function receiving(store: Store, more: Partial<Pick<Deps, 'answerCaller' | 'handler' | 'log' | 'now'>> = {}) {
  const { log = silent, now = () => performance.now() } = more;
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
      verified: openVerified({ projects: () => projects, secrets: openSecrets(directory), now, log }),
      store,
      work: (event) => worked.push(event.callId),
      answerCaller: async () => ({ body: {}, kind: 'overflow' }),
      handler: { answer: async () => ({ kind: 'none' }), close: async () => undefined },
      observe: () => undefined,
      observeOwn: () => undefined,
      ...more,
      now,
      log,
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
  const ask = (body: object, secret = 'the-secret', project = 'north') =>
    fetch(`http://127.0.0.1:${address.port}/v1/vapi/${project}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-vapi-secret': secret },
      body: JSON.stringify(body),
    });
  const post = (...request: Parameters<typeof ask>): Promise<number> => ask(...request).then((answer) => answer.status);
  return { ask, post, worked };
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

const unstored: Store = () => Promise.reject(new Error('nothing is to be written down'));
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

describe("a handler's choice for a caller", () => {
  const ours = { assistantId: 'reception-north', assistantOverrides: { variableValues: { ours: true } } };
  const caller = { message: { type: 'assistant-request', call: { id: 'call-1', type: 'inboundPhoneCall' } } };
  /** So many levels of lists and objects in all. */
  const nested = (levels: number) => `{"assistant":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
  const answered = async (body: string) => {
    const { ask } = await receiving(unstored, {
      answerCaller: async () => ({ kind: 'assistant', body: ours }),
      handler: {
        answer: async () => ({ kind: 'answer', status: 200, body: Buffer.from(body), contentType: 'application/json' }),
        close: async () => undefined,
      },
    });
    return (await ask(caller)).json();
  };

  test('counts up to 100 levels deep', async () => {
    expect(await answered(nested(100))).toMatchObject({ assistant: expect.anything() });
  });

  test.each([101, 5_000, 500_000])('that is %i levels deep leaves the caller to the assistant of the class', async (levels) => {
    expect(await answered(nested(levels))).toEqual(ours);
  });
});

describe('webhooks of somebody else', () => {
  test('are told once a minute and project, with how many there were', async () => {
    const lines: string[] = [];
    let nowMs = 0;
    const { post } = await receiving(unstored, {
      now: () => nowMs,
      log: openLog({ worker: 'w' }, { write: (line) => void lines.push(line) }),
    });
    const refused = () => lines.map((line) => /"project":"(\w+)","verdict":"(\w+)","refused":(\d+)/.exec(line)?.slice(1).join(' '));

    for (let guess = 0; guess < 50; guess += 1) await post(ended, `guess-${guess}`);
    expect(refused()).toEqual(['north wrong 1']);
    await post(ended, 'guess', 'south');
    nowMs = 59_999;
    await post(ended, 'guess');
    expect(refused()).toEqual(['north wrong 1', 'south wrong 1']);
    nowMs = 60_000;
    await post(ended, 'guess');
    expect(refused()).toEqual(['north wrong 1', 'south wrong 1', 'north wrong 51']);
    expect(lines.join('')).not.toContain('guess');
  });
});
