import { expect, test } from 'vitest';
import { newId } from '../../ledger/ids.ts';
import type { Inserted, NewSession } from '../../ledger/sessions/insert.ts';
import { createGroupCommit } from '../../workers/group-commit.ts';
import { aClass } from '../support/pool.ts';

function aSession(): NewSession {
  const nothing = { project: undefined, name: undefined, context: undefined, notBefore: undefined, expiresAt: undefined };
  return {
    ...nothing,
    id: newId(),
    class: aClass('campaign'),
    direction: 'Outbound',
    number: '+14155550100',
    labels: {},
    score: 0,
    idempotencyKey: undefined,
    requestHash: undefined,
  };
}

const bounds = { maxWaiting: 3, maxGroup: 2 };

/** A ledger that answers when it is told to. */
function aLedger() {
  const groups: { readonly ids: readonly string[]; readonly commit: () => void; readonly fail: (error: Error) => void }[] = [];
  const insert = (sessions: readonly NewSession[]): Promise<readonly Inserted[]> =>
    new Promise((resolve, reject) => {
      const inserted = sessions.map(({ id, class: name }) => ({
        id,
        state: 'queued' as const,
        class: name,
        created: true,
        conflict: false,
      }));
      groups.push({ ids: sessions.map(({ id }) => id), commit: () => resolve(inserted), fail: reject });
    });
  return { groups, insert };
}

/** Whether a promise has come to an end after everything that could happen has happened. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test('a session is acknowledged once it is committed, and not before', async () => {
  const { groups, insert } = aLedger();
  const session = aSession();
  const acknowledged = createGroupCommit(bounds, insert).add(session) ?? Promise.reject(new Error('no room'));
  expect(await isSettled(acknowledged)).toBe(false);
  groups[0]?.commit();
  expect(await acknowledged).toMatchObject({ id: session.id, created: true });
});

test('what arrives while others are committed goes together with the next statement', async () => {
  const { groups, insert } = aLedger();
  const commit = createGroupCommit(bounds, insert);
  const [first, second, third] = [aSession(), aSession(), aSession()];
  const answers = [first, second, third].map((session) => commit.add(session));
  groups[0]?.commit();
  await answers[0];
  await new Promise((resolve) => setImmediate(resolve));
  groups[1]?.commit();
  await Promise.all(answers);
  expect(groups.map(({ ids }) => ids)).toEqual([[first.id], [second.id, third.id]]);
});

test('nobody is acknowledged whose commit failed, and those behind are not held up', async () => {
  const { groups, insert } = aLedger();
  const commit = createGroupCommit(bounds, insert);
  const [lost, kept] = [commit.add(aSession()), commit.add(aSession())];
  groups[0]?.fail(new Error('the disk is full'));
  await expect(lost).rejects.toThrow('the disk is full');
  await new Promise((resolve) => setImmediate(resolve));
  groups[1]?.commit();
  await expect(kept).resolves.toMatchObject({ created: true });
});

test('a group takes only so many, and beyond what may wait nobody is taken', async () => {
  const { groups, insert } = aLedger();
  const commit = createGroupCommit(bounds, insert);
  const answers = [commit.add(aSession()), commit.add(aSession()), commit.add(aSession()), commit.add(aSession())];
  expect(answers.every((answer) => answer !== undefined)).toBe(true);
  expect(commit.add(aSession())).toBeUndefined();
  for (const size of [1, 2, 1]) {
    await new Promise((resolve) => setImmediate(resolve));
    expect(groups.at(-1)?.ids).toHaveLength(size);
    groups.at(-1)?.commit();
  }
  await Promise.all(answers);
});
