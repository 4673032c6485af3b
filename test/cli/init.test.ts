import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkManifest } from '../../capacity/policy/check.ts';
import { starterPool, usableOf } from '../../cli/starter-pool.ts';

const cli = new URL('../../cli/main.ts', import.meta.url).pathname;
const reception = { id: 'a1', orgId: 'o1', name: 'Réception (Main)' };
const line = { id: 'n1', orgId: 'o1', provider: 'vapi', number: '+14155550100', name: 'front door' };

type Project = { readonly assistants: readonly unknown[]; readonly phoneNumbers: readonly unknown[] };

/** What init needs of the provider: two lists behind a key. Closed after each test. */
let project: Project;
let folder: string;
let baseUrl: string;
let close: () => Promise<void>;

beforeEach(async () => {
  project = { assistants: [reception], phoneNumbers: [line] };
  folder = await mkdtemp(join(tmpdir(), 'trunkline-init-'));
  await writeFile(join(folder, 'key'), 'right-key\n');
  const server = createServer((request, response) => {
    const known = request.headers.authorization === 'Bearer right-key';
    const list = request.url?.startsWith('/assistant') === true ? project.assistants : project.phoneNumbers;
    response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify(known ? list : { message: 'Invalid Key', statusCode: 401 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => new Promise((resolve) => server.close(() => resolve()));
});

afterEach(async () => {
  await close();
  await rm(folder, { recursive: true });
});

function init(...args: readonly string[]): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [cli, 'init', ...args], { cwd: folder }, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode, stdout, stderr }),
    );
  });
}

const written = (file = 'pool.yaml') => readFile(join(folder, file), 'utf8');

describe('trunkline init', () => {
  test('writes a pool that validate accepts', async () => {
    const { status, stdout } = await init('--api-key-file', 'key', '--base-url', `${baseUrl}/`);
    expect([status, stdout]).toEqual([0, expect.stringContaining('pool.yaml: 1 assistant, 1 phone number\n')]);
    const checked = checkManifest(await written(), 'pool.yaml');
    expect(checked).toMatchObject({ ok: true, warnings: [{ path: 'spec.publicUrl' }] });
    expect(checked.ok ? checked.policy.projects : []).toMatchObject([
      { baseUrl, assistants: new Map([['reception-main', 'a1']]), phoneNumbers: [{ id: 'n1', number: '+14155550100' }] },
    ]);
  });

  test('says in comments what the provider calls things, and never writes the key', async () => {
    await init('--api-key-file', 'key', '--base-url', baseUrl, '--output', 'mine.yaml');
    const text = await written('mine.yaml');
    expect(text).toContain('# Réception (Main)');
    expect(text).toContain('# front door');
    expect(text).not.toContain('right-key');
  });

  test('leaves a file alone that is there, unless told to overwrite it', async () => {
    await writeFile(join(folder, 'pool.yaml'), 'mine');
    const refused = await init('--api-key-file', 'key', '--base-url', baseUrl);
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('pool.yaml is there already')]);
    expect(await written()).toBe('mine');
    expect(await init('--api-key-file', 'key', '--base-url', baseUrl, '--force')).toMatchObject({ status: 0 });
    expect(await written()).toContain('kind: VoiceCapacityPool');
  });

  test.each([
    { what: 'a key that the provider refuses', key: 'wrong-key', status: 3, message: 'refuses the API key (401)' },
    { what: 'an empty key', key: '\n', status: 2, message: 'is empty' },
    { what: 'a key file that holds more', key: 'name: right-key', status: 2, message: 'and nothing else' },
  ])('refuses $what without repeating it', async ({ key, status, message }) => {
    await writeFile(join(folder, 'key'), key);
    const refused = await init('--api-key-file', 'key', '--base-url', baseUrl);
    expect([refused.status, refused.stderr]).toEqual([status, expect.stringContaining(message)]);
    expect(refused.stderr).not.toMatch(/(wrong|right)-key/);
  });

  test('names the address that nobody listens at', async () => {
    await close();
    const refused = await init('--api-key-file', 'key', '--base-url', baseUrl);
    expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining(`ECONNREFUSED ${new URL(baseUrl).host}`)]);
  });

  test.each([
    { what: 'no assistant', has: { assistants: [], phoneNumbers: [line] }, message: 'the project has no assistant' },
    { what: 'no number', has: { assistants: [reception], phoneNumbers: [] }, message: 'the project has no phone number' },
    {
      what: 'only a SIP address',
      has: { assistants: [reception], phoneNumbers: [{ ...line, number: undefined }] },
      message: 'the project has no phone number',
    },
  ])('says so when the project has $what', async ({ has, message }) => {
    project = has;
    const refused = await init('--api-key-file', 'key', '--base-url', baseUrl);
    expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining(message)]);
    await expect(written()).rejects.toThrow('ENOENT');
  });

  test.each([
    { what: 'a key file that is not there', args: ['--api-key-file', 'nowhere'], message: 'cannot be read: there is no such file' },
    { what: 'no key file', args: [], message: '--api-key-file' },
    { what: 'a region that does not exist', args: ['--api-key-file', 'key', '--region', 'moon'], message: 'us, eu' },
    { what: 'an address that is none', args: ['--api-key-file', 'key', '--base-url', 'localhost'], message: '--base-url must be' },
  ])('refuses $what', async ({ args, message }) => {
    const refused = await init(...args);
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe('a starter pool', () => {
  const inventory = (names: readonly string[], numbers: readonly string[]) => ({
    orgId: 'o1',
    assistants: names.map((name, n) => ({ id: `a${n}`, name })),
    phoneNumbers: numbers.map((number, n) => ({ id: `n${n}`, number, name: undefined })),
  });
  const own = { region: 'us', baseUrl: undefined } as const;

  test.each([
    { what: 'equal names', names: ['Sales', 'sales', 'SALES!'], as: ['sales', 'sales-2', 'sales-3'] },
    { what: 'names without a letter', names: ['🙂', '日本'], as: ['assistant', 'assistant-2'] },
    { what: 'names that end badly', names: ['--a--', 'x'.repeat(60)], as: ['a', 'x'.repeat(36)] },
    { what: 'names that break lines', names: ['a\n# b: c\u2028d'], as: ['a-b-c-d'] },
  ])('has valid names for $what', ({ names, as }) => {
    const usable = usableOf(inventory(names, ['+14155550100']));
    expect(usable.assistants.map(({ name }) => name)).toEqual(as);
    expect(checkManifest(starterPool(usable, own), 'pool.yaml')).toMatchObject({ ok: true });
  });

  test('holds what a pool can hold of a large project, and says what it left out', () => {
    const numbers = Array.from({ length: 300 }, (_, n) => `+1${206 + Math.floor(n / 100)}55501${String(n % 100).padStart(2, '0')}`);
    const text = starterPool(usableOf(inventory(Array(70).fill('seller'), [...numbers, '+14155550100', '+14155550100'])), {
      region: 'eu',
      baseUrl: undefined,
    });
    expect(text).toContain('left out: 6 assistants');
    expect(text).toContain('left out: 46 ');
    const checked = checkManifest(text, 'pool.yaml');
    expect(checked.ok ? checked.policy.projects[0]?.baseUrl : checked.problems).toBe('https://api.eu.vapi.ai');
  });
});
