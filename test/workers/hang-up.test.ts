import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { openProject } from '../../providers/vapi/client.ts';
import { openHangUp } from '../../workers/hang-up.ts';
import { type Reply, serve } from '../providers/vapi/http-server.ts';
import { aDataPath, place } from './data-path.ts';

/** A session on the phone with Zebulon, and a provider that answers the wish to end the call like this. */
async function onThePhone(reply: Reply) {
  const on = await aDataPath();
  const provider = await serve(() => reply);
  const placed = await place(on, 1);
  await on.database.query(`update attempt set state = 'bound', call_id = 'call-1', control_url = $1`, [`${provider.url}/call-1/control`]);
  await on.database.query(`update session set name = 'Zebulon Quartermaine', context = '{"wish": "a divorce"}'`);
  const [policy] = on.policy.projects;
  if (policy === undefined) throw new Error('no project');
  const api = openProject({ baseUrl: provider.url, apiKey: async () => 'key' });
  onTestFinished(() => api.close());
  const lines: string[] = [];
  const hangUp = openHangUp({
    ...on,
    providers: { of: () => ({ api, policy }), close: () => undefined },
    log: pino({}, { write: (line: string) => lines.push(line) }),
    signal: new AbortController().signal,
  });
  const cancelled = async () => (await on.database.query('select cancelled_at is not null as cancelled from session')).rows;
  return { ...placed, on, provider, lines, cancelled, hangUp: () => hangUp(placed.sessionId) };
}

test('hanging up asks the provider, and the session ends with its call', async () => {
  const { hangUp, provider, lines, cancelled } = await onThePhone({ status: 200 });
  expect(await hangUp()).toBe('asked');
  expect(provider.requests).toMatchObject([{ method: 'POST', body: '{"type":"end-call"}' }]);
  expect(await cancelled()).toEqual([{ cancelled: true }]);
  expect(lines).toEqual([]);
});

test('what the provider says against it is logged without the person', async () => {
  const words = 'no line to Zebulon Quartermaine (+14155560001) about a divorce';
  const { hangUp, lines, cancelled } = await onThePhone({ status: 500, body: { message: words } });
  expect(await hangUp()).toBe('failed');
  expect(await cancelled()).toEqual([{ cancelled: true }]);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('500');
  expect(lines[0]).toContain('no line to');
  for (const person of ['Zebulon', 'Quartermaine', '4155560001', 'divorce']) expect(lines[0]).not.toContain(person);
});

test('a session without a live call has none to end', async () => {
  const { on, hangUp, provider } = await onThePhone({ status: 200 });
  await on.database.query(`update attempt set state = 'cooling'`);
  expect(await hangUp()).toBe('not-live');
  expect(provider.requests).toEqual([]);
});
