import { describe, expect, test } from 'vitest';
import { KeyRefused, listInventory, ProviderUnreachable } from '../../../providers/vapi/inventory.ts';
import { closedPort, serve } from './http-server.ts';

const signal = new AbortController().signal;

describe('what a project has', () => {
  test('is its assistants and numbers, reduced to what a declaration needs', async () => {
    const provider = await serve(({ url }) => ({
      status: 200,
      body: url.pathname.endsWith('/assistant')
        ? [{ id: 'a-1', orgId: 'org-1', name: 'Reception', model: {} }, { id: 'a-2' }]
        : [
            { id: 'n-1', number: '+14155550100', name: 'Main', provider: 'twilio' },
            { id: 'n-2', sipUri: 'sip:x@sip.vapi.ai' },
          ],
    }));
    expect(await listInventory({ baseUrl: provider.url, apiKey: 'key-1', signal })).toEqual({
      orgId: 'org-1',
      assistants: [
        { id: 'a-1', name: 'Reception' },
        { id: 'a-2', name: 'a-2' },
      ],
      phoneNumbers: [
        { id: 'n-1', number: '+14155550100', name: 'Main' },
        { id: 'n-2', number: undefined, name: undefined },
      ],
    });
    expect(provider.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer key-1', 'Bearer key-1']);
  });

  test.each([401, 403])('is refused to a wrong key (%i), and the key is not shown', async (status) => {
    const provider = await serve(() => ({ status, body: { message: 'Invalid Key' } }));
    const listing = listInventory({ baseUrl: provider.url, apiKey: 'key-1', signal });
    await expect(listing).rejects.toThrow(KeyRefused);
    await expect(listing).rejects.not.toThrow('key-1');
  });

  test.each([
    { name: 'an error', reply: { status: 500 } },
    { name: 'a page of a proxy', reply: { status: 200, body: '<html>' } },
    { name: 'something with a length that cannot be compared', reply: { status: 200, body: { length: { toString: 1 } } } },
    { name: 'an id with such a length', reply: { status: 200, body: [{ id: { length: { toString: 1 } } }] } },
    { name: 'more than can be listed', reply: { status: 200, body: Array.from({ length: 1_001 }, (_, n) => ({ id: `a-${n}` })) } },
  ])('is unknown after $name', async ({ reply }) => {
    const provider = await serve(() => reply);
    await expect(listInventory({ baseUrl: provider.url, apiKey: 'key-1', signal })).rejects.toThrow(ProviderUnreachable);
  });

  test('is told without the names that cannot be read', async () => {
    const strange = { length: { toString: 1 } };
    const provider = await serve(() => ({ status: 200, body: [{ id: 'a-1', orgId: strange, name: strange, number: strange }] }));
    expect(await listInventory({ baseUrl: provider.url, apiKey: 'key-1', signal })).toEqual({
      orgId: undefined,
      assistants: [{ id: 'a-1', name: 'a-1' }],
      phoneNumbers: [{ id: 'a-1', number: undefined, name: undefined }],
    });
  });

  test('is unknown when nobody listens', async () => {
    const baseUrl = `http://127.0.0.1:${await closedPort()}`;
    await expect(listInventory({ baseUrl, apiKey: 'key-1', signal })).rejects.toThrow(ProviderUnreachable);
  });
});
