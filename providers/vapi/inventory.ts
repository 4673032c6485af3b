import { AssistantsClient } from '@vapi-ai/server-sdk/assistants';
import { PhoneNumbersClient } from '@vapi-ai/server-sdk/phoneNumbers';
import { z } from 'zod';
import { textOf } from '../../crds/text.ts';
import { openConnections } from '../connections.ts';
import { type Api, exchange, type Send } from './exchange.ts';

/** What a project has at the provider: what `trunkline init` writes a pool's first declaration from. */
export type Inventory = {
  readonly orgId: string | undefined;
  readonly assistants: readonly { readonly id: string; readonly name: string }[];
  readonly phoneNumbers: readonly { readonly id: string; readonly number: string | undefined; readonly name: string | undefined }[];
};

/** The provider does not know the key, or the key may not read this. */
export class KeyRefused extends Error {
  override readonly name = 'KeyRefused';
}

/** No answer, or none that could be read. */
export class ProviderUnreachable extends Error {
  override readonly name = 'ProviderUnreachable';
}

const timeoutMs = 20_000;
/** The most that the API lists at once. A project with more assistants is declared by hand. */
const limit = 1_000;

const text = textOf(0, 200).optional().catch(undefined);
const owned = z.object({ id: textOf(1, 100), orgId: text, name: text });
/** Not `max`: zod would measure whatever has a `length` before it is known to be a list. */
const listOf = <T extends z.ZodType>(entry: T) => z.array(entry).refine((list) => list.length <= limit);
const assistants = listOf(owned);
const phoneNumbers = listOf(owned.extend({ number: text }));

/** @throws KeyRefused @throws ProviderUnreachable */
export async function listInventory(options: {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly signal: AbortSignal;
}): Promise<Inventory> {
  const connections = openConnections({ maxAnswerBytes: 64_000_000, maxSockets: 2 });
  const api: Api = { baseUrl: options.baseUrl, apiKey: async () => options.apiKey, connections, onRequest: undefined, onClock: undefined };
  const read = async <T>(what: string, schema: z.ZodType<T>, send: Send): Promise<T> => {
    const answer = await exchange(api, 'list', send, { gate: () => true, timeoutMs, signal: options.signal });
    if (answer.kind === 'failure') throw new ProviderUnreachable(`${options.baseUrl}: ${what}: ${answer.detail}`);
    if (answer.status === 401 || answer.status === 403) {
      throw new KeyRefused(`${options.baseUrl} refuses the API key (${answer.status}): use the project's private key, of this region`);
    }
    const parsed = schema.safeParse(answer.body);
    if (answer.status !== 200 || !parsed.success) {
      throw new ProviderUnreachable(`${options.baseUrl}: ${what}: answered ${answer.status} and no list that can be read`);
    }
    return parsed.data;
  };
  try {
    const [own, numbers] = await Promise.all([
      read('assistants', assistants, (client, request) => new AssistantsClient(client).list({ limit }, request)),
      read('phone numbers', phoneNumbers, (client, request) => new PhoneNumbersClient(client).list({ limit }, request)),
    ]);
    return {
      orgId: [...own, ...numbers].find((entry) => entry.orgId !== undefined)?.orgId,
      assistants: own.map(({ id, name }) => ({ id, name: name ?? id })),
      phoneNumbers: numbers.map(({ id, number, name }) => ({ id, number, name })),
    };
  } finally {
    connections.close();
  }
}
