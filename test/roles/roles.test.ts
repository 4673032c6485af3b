import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { openDatabase } from '../../ledger/database.ts';
import { migrate, requireMigrated } from '../../ledger/migrate.ts';
import { readDeclaration } from '../../standalone/declaration.ts';
import { freePort } from '../../standalone/ports.ts';
import { inventSecrets } from '../../standalone/secrets.ts';
import { serve } from '../providers/vapi/http-server.ts';

/** The image's entry point, without the image. */

const program = fileURLToPath(new URL('../../roles/main.ts', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

async function aDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'trunkline-role-'));
  // PostgreSQL's own user passes through when we are root.
  await chmod(directory, 0o711);
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function start(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child: ChildProcess = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  const says = (what: RegExp) => vi.waitFor(() => expect(said).toMatch(what), { timeout: 30_000, interval: 50 });
  return { child, says, ended: async () => [(await once(child, 'close'))[0], said] as const };
}

describe('the entry point', () => {
  test.each([{ args: [] }, { args: ['worke'] }, { args: ['toString'] }])('refuses $args and names the roles', async ({ args }) => {
    const [code, said] = await start(args).ended();
    expect(code).toBe(64);
    expect(said).toMatch(/operator, worker, simulator, ledger, migrate/);
  });

  const operator = { TRUNKLINE_LEDGER_URL: 'postgres://h/d', TRUNKLINE_WORKER_IMAGE: 'trunkline:1' };
  test.each([
    { role: 'ledger', environment: {}, line: /TRUNKLINE_LEDGER_PASSWORD_FILE is missing\n$/ },
    { role: 'migrate', environment: { TRUNKLINE_WITHIN_SECONDS: 'long' }, line: /TRUNKLINE_WITHIN_SECONDS: must be a number\n$/ },
    { role: 'simulator', environment: {}, line: /TRUNKLINE_POOL_FILE is missing\n$/ },
    { role: 'worker', environment: {}, line: /"level":60,.*TRUNKLINE_POOL is missing"}\n$/ },
    { role: 'operator', environment: {}, line: /"level":60,.*TRUNKLINE_WORKER_IMAGE is missing"}\n$/ },
    { role: 'operator', environment: { ...operator, KUBECONFIG: '/nowhere' }, line: /kubeconfig \/nowhere cannot be read \(ENOENT\)/ },
    { role: 'operator', environment: { ...operator, KUBECONFIG: program }, line: /kubeconfig .*main\.ts is no kubeconfig/ },
  ])('with $environment as $role ends with a line that names what is missing or malformed', async ({ role, environment, line }) => {
    const [code, said] = await start([role], environment).ended();
    expect([code, said]).toEqual([1, expect.stringMatching(line)]);
    expect(said.trim().split('\n')).toHaveLength(1);
  });
});

describe('the role ledger', () => {
  test('answers its user over the network with the password of the file, again after a restart, and nobody else', async () => {
    const directory = await aDirectory();
    const port = await freePort();
    const file = join(directory, 'password');
    await mkdir(join(directory, 'data'), { mode: 0o777 });
    await chmod(join(directory, 'data'), 0o777);
    const environment = {
      TRUNKLINE_LEDGER_PASSWORD_FILE: file,
      TRUNKLINE_LEDGER_DATA: join(directory, 'data'),
      TRUNKLINE_LEDGER_PORT: String(port),
    };
    const urlOf = (user: string, password: string, database: string) =>
      `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
    const connect = async (url: string) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.end();
    };
    await writeFile(file, "it's one\n");
    const first = start(['ledger'], environment);
    await first.says(/the ledger answers/);
    const database = openDatabase(urlOf('trunkline', "it's one", 'trunkline'), {
      applicationName: 'test',
      maxConnections: 1,
      onError: () => undefined,
    });
    await migrate(database).finally(() => database.end());
    first.child.kill('SIGTERM');
    expect((await first.ended())[0]).toBe(0);

    await writeFile(file, 'another\n');
    const second = start(['ledger'], environment);
    await second.says(/the ledger answers/);
    await expect(connect(urlOf('trunkline', "it's one", 'trunkline'))).rejects.toThrow(/password/);
    await expect(connect(urlOf('trunkline', 'another', 'postgres'))).rejects.toThrow(/pg_hba/);
    await connect(urlOf('trunkline', 'another', 'trunkline'));
  });
});

describe('the role migrate', () => {
  test('waits for the file and the server, brings the ledger up to date, and leaves', async () => {
    const directory = await aDirectory();
    const file = join(directory, 'url');
    const name = `role_${process.pid}`;
    const admin = new pg.Client({ connectionString: inject('postgresUrl') });
    await admin.connect();
    onTestFinished(async () => {
      await admin.query(`drop database if exists ${name} with (force)`);
      await admin.end();
    });
    const url = Object.assign(new URL(inject('postgresUrl')), { pathname: `/${name}` }).href;
    const role = start(['migrate'], { TRUNKLINE_LEDGER_URL_FILE: file });
    await role.says(/cannot be read \(ENOENT\)/);
    await writeFile(file, url);
    await role.says(/does not exist/);
    await admin.query(`create database ${name}`);
    expect((await role.ended())[0]).toBe(0);
    const database = openDatabase(url, { applicationName: 'test', maxConnections: 1, onError: () => undefined });
    await requireMigrated(database).finally(() => database.end());
  });

  test('gives up in the end', async () => {
    const [code, said] = await start(['migrate'], { TRUNKLINE_LEDGER_URL_FILE: '/nowhere/url', TRUNKLINE_WITHIN_SECONDS: '1' }).ended();
    expect([code, said]).toEqual([1, expect.stringContaining('/nowhere/url')]);
  });
});

describe('the role simulator', () => {
  test('serves the provider, and begins traffic when the pool takes the token', async () => {
    const directory = await aDirectory();
    await writeFile(join(directory, 'token'), 'letmein\n');
    const poolFile = join(root, 'crds', 'samples', 'trial.yaml');
    await inventSecrets((await readDeclaration(poolFile)).manifest.spec, join(directory, 'secrets'));
    let taken = false;
    const intake = await serve(async ({ headers }) => ({
      status: taken && headers.authorization === 'Bearer letmein' ? 200 : 401,
      body: {},
    }));
    const port = await freePort();
    const role = start(['simulator'], {
      TRUNKLINE_POOL_FILE: poolFile,
      TRUNKLINE_SECRETS: join(directory, 'secrets'),
      TRUNKLINE_PORT: String(port),
      TRUNKLINE_SIMULATOR_URL: `http://127.0.0.1:${port}`,
      TRUNKLINE_STATE: join(directory, 'state'),
      TRUNKLINE_INTAKE_URL: intake.url,
      TRUNKLINE_INTAKE_TOKEN_FILE: join(directory, 'token'),
    });
    await role.says(/waiting for the pool: .* answers 401/);
    expect((await fetch(`http://127.0.0.1:${port}/_sim/report`)).status).toBe(200);
    taken = true;
    await role.says(/traffic begins/);
    role.child.kill('SIGTERM');
    expect((await role.ended())[0]).toBe(0);
  });
});
