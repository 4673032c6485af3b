import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { signatureHeaders } from '../../../workers/signature.ts';
import { stateDirectory } from '../../support/command.ts';
import { checkTeam, type EndedSession } from '../checks/team.ts';
import { families } from '../families.ts';
import { drawSeed } from '../seed.ts';
import { type Manners, openTeam } from './team.ts';

const key = 'of the team';
const drawn = Array.from({ length: 50 }, (_, index) => drawSeed(index + 1, families).spec);

/** A team whose requests are signed, which answers as its manners say, and where it is. */
async function aTeam(manners: Manners = { slow: 0, refuses: 0 }) {
  const found = drawn.find(({ handler, results }) => handler !== undefined && 'secretRef' in handler && results?.secretRef !== undefined);
  if (found === undefined) throw new Error('no seed draws a handler and results that are signed');
  const secretsDirectory = await stateDirectory();
  for (const name of ['chaos-handler', 'chaos-results']) {
    await mkdir(join(secretsDirectory, name), { recursive: true });
    await writeFile(join(secretsDirectory, name, 'secret'), `${key}\n`);
  }
  const team = await openTeam({ spec: found, secretsDirectory, manners, random: () => 0 });
  onTestFinished(() => team.close());
  return { team, url: new URL(team.placed(found).results?.url ?? '').origin };
}

const send = (url: string, body: object, headers?: Readonly<Record<string, string>>) => {
  const text = JSON.stringify(body);
  return fetch(url, { method: 'POST', body: text, headers: headers ?? signatureHeaders(key, text, 0) });
};
const event = (status: string) => ({ message: { type: 'status-update', status, call: { id: 'call' } } });
const ended: EndedSession = { id: 'one', outcome: 'Completed', delivery: 'due' };

describe('the team', () => {
  test('finds nothing wrong with each event once and each result at least once', async () => {
    const { team, url } = await aTeam();
    for (const status of ['ringing', 'ended']) await send(`${url}/handler`, event(status));
    const result = { id: 'one', outcome: 'Completed' };
    for (let time = 0; time < 2; time += 1)
      await send(`${url}/results`, result, { 'idempotency-key': 'one', ...signatureHeaders(key, JSON.stringify(result), 0) });
    expect(checkTeam(team.heard, [{ ...ended, delivery: 'delivered' }], 'whole')).toEqual([]);
    expect(team.heard.events.size).toBe(2);
    expect(team.heard.results.get('one')).toHaveLength(2);
  });

  test('notices an event that comes twice', async () => {
    const { team, url } = await aTeam();
    await send(`${url}/handler`, event('ended'));
    await send(`${url}/handler`, event('ended'));
    expect(checkTeam(team.heard, [], 'whole')).toMatchObject([{ invariant: 'Team', ids: ['call status-update ended'] }]);
    expect(checkTeam(team.heard, [], 'lost a part')).toEqual([]);
  });

  test('notices what is not signed, and a result under another key', async () => {
    const { team, url } = await aTeam();
    await send(`${url}/handler`, event('ended'), {});
    await send(`${url}/results`, { id: 'one', outcome: 'Completed' });
    expect(team.heard.wrong).toEqual(['handler: not signed as it should be', 'results: one came under another key']);
  });

  test('has not taken what it refused', async () => {
    const { team, url } = await aTeam({ slow: 0, refuses: 1 });
    const result = { id: 'one', outcome: 'Completed' };
    const headers = { 'idempotency-key': 'one', ...signatureHeaders(key, JSON.stringify(result), 0) };
    expect((await send(`${url}/results`, result, headers)).status).toBe(503);
    expect(checkTeam(team.heard, [ended], 'whole')).toEqual([]);
    expect(checkTeam(team.heard, [{ ...ended, delivery: 'delivered' }], 'whole')).toMatchObject([{ ids: ['one'] }]);
  });

  test('notices an end that nobody will tell, and one that was told otherwise', () => {
    const heard = { events: new Map(), results: new Map([['one', [{ outcome: 'Busy' }]]]), wrong: [] };
    expect(checkTeam(heard, [{ ...ended, delivery: 'none' }], 'whole')).toMatchObject([
      { what: expect.stringContaining('not to be delivered') },
      { what: expect.stringContaining('another outcome') },
    ]);
  });
});
