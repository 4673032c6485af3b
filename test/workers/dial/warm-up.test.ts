import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { projectName } from '../../../crds/values.ts';
import { openProject } from '../../../providers/vapi/client.ts';
import { openWarmUp } from '../../../workers/dial/warm-up.ts';
import { aPool } from '../../support/pool.ts';

test('a connection that is opened ahead carries the next request', async () => {
  let connections = 0;
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url?.split('?')[0]}`);
    response.setHeader('content-type', 'application/json').end('[]');
  });
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const api = openProject({ baseUrl: `http://127.0.0.1:${address.port}`, apiKey: async () => 'key' });
  onTestFinished(() => {
    api.close();
    server.close();
  });
  const [policy] = aPool().withSubscription('main', 1).policy().projects;
  if (policy === undefined) throw new Error('no project');
  const providers = { of: () => ({ api, policy }), close: () => undefined };
  const warmUp = openWarmUp({ providers, wallClock: () => 0, log: pino({ level: 'silent' }), signal: new AbortController().signal });

  warmUp(projectName.parse('main'));
  await vi.waitFor(() => expect(seen).toEqual(['GET /call']), { timeout: 10_000 });
  // The answer has to be read before its connection is free again.
  await sleep(250);
  await api.get('00000000-0000-4000-8000-000000000000', new AbortController().signal);
  expect(seen).toHaveLength(2);
  expect(connections).toBe(1);
});
