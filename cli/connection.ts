import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { exitCode } from './exit-codes.ts';

/** How the commands reach a running pool, and how they tell what went wrong. */

export type ConnectionFlags = { readonly url?: string; readonly tokenFile?: string; readonly state?: string };

export const connectionHelp = `
The pool is found by --url and --token-file, or by the state directory of "trunkline up": --state DIR, or .trunkline/ when one pool is there.
`;

/** Gives a command the options that all commands to a running pool share. */
export function withConnection(command: Command): Command {
  return command
    .addOption(
      new Option('--url <url>', 'intake API of the pool (default: of the state directory, or http://127.0.0.1:8080)').env('TRUNKLINE_URL'),
    )
    .addOption(new Option('--token-file <file>', 'file that holds the token (default: of the state directory)').env('TRUNKLINE_TOKEN_FILE'))
    .option('--state <dir>', 'state directory of "trunkline up" (default: the only one in .trunkline/)');
}

/** Nothing answered, or what is needed to ask is missing. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** The pool answered no. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, status: number, retryAfterSeconds: number | undefined) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export type Connection = {
  readonly url: string;
  /** Sends a request; the answer is a good one. @throws Refused, Unreachable */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The same for JSON, both ways. */
  json<T>(schema: z.ZodType<T>, path: string, init?: { readonly method: string; readonly body?: object }): Promise<T>;
};

const defaultUrl = 'http://127.0.0.1:8080';

/** @throws Unreachable when there is no token to be found */
export async function connect(flags: ConnectionFlags): Promise<Connection> {
  const state = flags.url !== undefined && flags.tokenFile !== undefined ? undefined : await stateDirectory(flags.state);
  const url = (flags.url ?? (await contentOf(state, 'url')) ?? defaultUrl).replace(/\/+$/, '');
  if (!URL.canParse(url)) throw new Unreachable(`${url} is no URL: give one such as ${defaultUrl}`);
  const token = await tokenOf(flags, state);

  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${token}`);
    const response = await fetch(`${url}${path}`, { ...init, headers }).catch((error: unknown) => {
      throw new Unreachable(`nothing answers at ${url}: is the pool running? "trunkline up POOL.yaml" starts one, --url names another`, {
        cause: error instanceof Error ? (error.cause ?? error) : error,
      });
    });
    if (response.ok) return response;
    throw await refusalOf(response);
  };
  return {
    url,
    request,
    async json(schema, path, init) {
      const body = init?.body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(init.body) };
      const response = await request(path, { method: init?.method ?? 'GET', ...body });
      return schema.parse(await response.json());
    },
  };
}

/** Runs a command's work: an answer of no is told on stderr and makes the exit status 1; what is unreachable is told by the caller. */
export async function answering(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    process.stderr.write(`trunkline: ${error.message}\n`);
    process.exitCode = exitCode.negative;
  }
}

const problem = z.object({ title: z.string(), detail: z.string().optional(), field: z.string().optional() });

async function refusalOf(response: Response): Promise<Error> {
  const text = await response.text();
  const parsed = problem.safeParse(jsonOrNothing(text));
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  const field = parsed.data?.field === undefined ? '' : `${parsed.data.field}: `;
  const words = parsed.success
    ? `${field}${parsed.data.detail ?? parsed.data.title}`
    : `answered ${response.status}, which is no answer of a pool`;
  if (!parsed.success || response.status === 503) return new Unreachable(`${response.url.split('?')[0]}: ${words}`);
  return new Refused(words, response.status, Number.isFinite(retryAfter) ? retryAfter : undefined);
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function tokenOf(flags: ConnectionFlags, state: string | undefined): Promise<string> {
  if (flags.tokenFile !== undefined) {
    const token = await readIfThere(flags.tokenFile);
    if (token === undefined || token === '') throw new Unreachable(`${flags.tokenFile} holds no token: name the file by --token-file`);
    return sendable(token, flags.tokenFile);
  }
  const token = await contentOf(state, 'token');
  if (state !== undefined && token !== undefined && token !== '') return sendable(token, join(state, 'token'));
  const where = state === undefined ? 'there is no pool in .trunkline/ here' : `${state} holds no token`;
  throw new Unreachable(`${where}: name the token by --token-file, or the directory of "trunkline up" by --state`);
}

/** What is no token is not quoted: the file may well hold other secrets. `fetch` would refuse the header, and quote it. */
function sendable(text: string, file: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  const what = text.includes('\n') ? 'several lines' : 'a space or a character that no token has';
  throw new Unreachable(`${file} holds ${what}: the file of a token holds the token alone`);
}

/** The directory that was named, or the only one there is. */
async function stateDirectory(named: string | undefined): Promise<string | undefined> {
  if (named !== undefined) return named;
  const pools: string[] = [];
  for (const entry of await entriesOf('.trunkline')) {
    if ((await contentOf(join('.trunkline', entry), 'token')) !== undefined) pools.push(entry);
  }
  if (pools.length > 1) throw new Unreachable(`.trunkline/ holds several pools: choose one by --state .trunkline/${pools[0]}`);
  return pools[0] === undefined ? undefined : join('.trunkline', pools[0]);
}

async function entriesOf(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}

async function contentOf(directory: string | undefined, file: string): Promise<string | undefined> {
  return directory === undefined ? undefined : readIfThere(join(directory, file));
}

async function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').then(
    (text) => text.trim(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    },
  );
}
