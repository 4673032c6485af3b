import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { explainWorkers } from '../../capacity/scaling/explain.ts';
import { writeDecisions } from '../../ledger/scaling/decisions.ts';
import { hashToken } from '../../ledger/tokens.ts';
import { readTokenLines } from '../../workers/declared-tokens.ts';
import { decide } from '../capacity/scaling/given.ts';
import { bodyOf, lead, outbound, poolToken } from '../workers/intake/serving.ts';
import { aFolder, openTerminal, type Terminal, trunkline, writeState } from './running.ts';

/** The view of a pool whose campaign waits because its only subscription is full. */
const view = {
  pool: 'sales',
  atMs: Date.now(),
  epoch: 1,
  policyVersion: 1,
  mode: 'Active',
  holds: { pool: false, classes: [] },
  slots: { inUse: 10, ceiling: 10, limit: 10 },
  directions: { Inbound: { inUse: 1, limit: null }, Outbound: { inUse: 9, limit: null } },
  subscriptions: [
    {
      name: 'main',
      limit: 10,
      learnedLimit: null,
      ceiling: 10,
      inUse: 10,
      cooling: 2,
      withheld: 0,
      foreign: 0,
      probing: false,
      releaseLagMs: 1_500,
    },
  ],
  upstreams: [],
  projects: [{ name: 'north', subscription: 'main', inUse: 10, paused: null }],
  classes: [
    {
      name: 'campaign',
      priority: 100,
      direction: 'Outbound',
      queued: 1,
      inUse: 9,
      reserved: 0,
      withheld: 0,
      limit: null,
      oldestWaitMs: 4_200,
      waitMs: null,
      leftPerMinute: 30,
      blocked: { by: 'subscription', subscription: 'main', ceiling: 10 },
    },
  ],
  callsPerSecond: 2,
  decisions: [],
};

async function withView(): Promise<Terminal> {
  const terminal = await openTerminal();
  await terminal.intake.database.query('insert into dispatcher (pool_id, epoch, view) values ($1, 1, $2)', [
    terminal.intake.poolId,
    JSON.stringify({ ...view, atMs: Date.now() }),
  ]);
  return terminal;
}

describe('trunkline status', () => {
  test('shows classes, subscriptions and projects', async () => {
    const { run } = await withView();
    const { status, stdout } = await run('status');
    expect(status).toBe(0);
    expect(stdout).toContain('sales: 10 of 10 slots in use  inbound 1  outbound 9  2 calls/s');
    expect(stdout).toMatch(/^campaign +100 +9 +- +0 +0 +4\.2 s +- +- +30$/m);
    expect(stdout).toMatch(/^main +10 +10 +10 +2 +0 +0 +1\.5 s$/m);
  });

  test('says so when no dispatcher has been at work', async () => {
    const { run, intake } = await openTerminal();
    await intake.post(outbound());
    expect((await run('status')).stdout).toBe('sales: no dispatcher has been at work yet\nqueued: campaign 1\n');
  });

  test('gives the answer itself as JSON', async () => {
    const { run } = await withView();
    expect(JSON.parse((await run('status', '--json')).stdout)).toMatchObject({ pool: 'sales', view: { classes: [{ name: 'campaign' }] } });
  });
});

describe('trunkline explain', () => {
  test('says why a class and a session of it wait', async () => {
    const { run, intake } = await withView();
    const { id } = await bodyOf(await intake.post(outbound(lead(1))));
    const aboutClass = await run('explain', 'campaign');
    expect([aboutClass.status, aboutClass.stdout]).toEqual([0, expect.stringContaining('subscription main')]);
    const aboutSession = await run('explain', String(id));
    expect(aboutSession.stdout).toContain(`Session ${id} waits in class campaign.`);
  });

  test.each([
    { name: 'a class', what: 'nobody', says: 'campaign' },
    { name: 'a session', what: '01900000-0000-7000-8000-000000000000', says: 'no session' },
  ])('of $name that is none is a negative answer', async ({ what, says }) => {
    const { run } = await withView();
    const ran = await run('explain', what);
    expect([ran.status, `${ran.stdout}${ran.stderr}`]).toEqual([1, expect.stringContaining(says)]);
  });
});

describe('trunkline explain workers', () => {
  const { decision } = decide(2, { backlog: 500 });

  test('says why there are so many, by the decision that was taken', async () => {
    const { run, intake } = await openTerminal();
    await writeDecisions(intake.database, [{ poolId: intake.poolId, decision, changed: true }]);
    const { status, stdout } = await run('explain', 'workers');
    expect(status).toBe(0);
    for (const line of explainWorkers(decision)) expect(stdout).toContain(`${line}\n`);
    expect(stdout).toMatch(/^7 workers wanted, 2 before\.\n/);
    expect(stdout).toMatch(/\nDecided \d+ s ago; the last change was \d+ s ago\.\n$/);
    expect(JSON.parse((await run('explain', 'workers', '--json')).stdout)).toMatchObject({ what: 'workers', lines: expect.any(Array) });
  });

  test('says so when nobody decides any more', async () => {
    const { run, intake } = await openTerminal();
    await writeDecisions(intake.database, [{ poolId: intake.poolId, decision, changed: true }]);
    await intake.database.query(`update scaling set decided_at = decided_at - interval '2 min', changed_at = changed_at - interval '3 h'`);
    expect((await run('explain', 'workers')).stdout).toMatch(
      /^Nobody decides now: .*\n[\s\S]*Decided 2 min ago; the last change was 3 h ago\.\n$/,
    );
  });

  test('is a negative answer when nobody has decided yet', async () => {
    const { run } = await openTerminal();
    expect(await run('explain', 'workers')).toMatchObject({ status: 1, stderr: expect.stringContaining('nobody has decided yet') });
  });
});

describe('trunkline up --workers', () => {
  test.each(['0', '61', 'many', '3:2', '1:2:3', ':', '2:'])('%s is wrong usage', async (workers) => {
    expect(await trunkline(await aFolder(), {}, ['up', 'pool.yaml', '--simulate', '--workers', workers])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--workers'),
    });
  });
});

describe('trunkline hold, resume and cancel', () => {
  test('stop a class and let it go on', async () => {
    const { run, intake } = await openTerminal();
    expect((await run('hold', '--class', 'campaign')).stdout).toContain('"trunkline resume --class campaign" lets it go on');
    expect((await run('hold', '--class', 'campaign', '--for', '30m')).stdout).toMatch(/^class campaign is on hold: until /);
    expect((await intake.database.query('select class from overlay')).rows).toEqual([{ class: 'campaign' }]);
    expect((await run('resume', '--class', 'campaign')).stdout).toBe('class campaign goes on\n');
    expect((await run('resume')).stdout).toBe('the pool was not on hold\n');
  });

  test('cancel ends what waits', async () => {
    const { run, intake } = await openTerminal();
    for (const index of [1, 2, 3]) await intake.post(outbound(lead(index)));
    expect((await run('cancel', '--class', 'campaign')).stdout).toBe('3 cancelled\n');
    expect(JSON.parse((await run('cancel', '--class', 'campaign', '--json')).stdout)).toEqual({ class: 'campaign', cancelled: 0, live: 0 });
  });

  test('a span that is none is wrong usage', async () => {
    const { run } = await openTerminal();
    expect(await run('hold', '--for', 'long')).toMatchObject({ status: 2, stderr: expect.stringContaining('--for') });
  });
});

describe('trunkline token create', () => {
  test('makes none that it could not write down', async () => {
    const { folder, intake, run } = await openTerminal();
    await writeFile(join(folder, 'taken'), 'mine\n');
    const count = async () => (await intake.database.query('select count(*)::int as n from token')).rows;
    const before = await count();
    expect(await run('token', 'create', '--out', 'taken')).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('taken is there already'),
    });
    expect(await count()).toEqual(before);
    expect(await readFile(join(folder, 'taken'), 'utf8')).toBe('mine\n');
  });

  test('makes a token for one class, in a file that only its owner reads', async () => {
    const { run, intake, folder } = await openTerminal();
    expect(await run('token', 'create', '--class', 'campaign', '--out', 'campaign.token')).toMatchObject({ status: 0 });
    const file = join(folder, 'campaign.token');
    const token = (await readFile(file, 'utf8')).trim();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await intake.post(outbound(), token)).status).toBe(202);
    expect((await intake.post({ ...outbound(), class: 'callback' }, token)).status).toBe(403);
  });
});

describe('trunkline token create --offline', () => {
  test.each([
    { flags: [], class: undefined },
    { flags: ['--class', 'campaign'], class: 'campaign' },
  ])('$flags asks no pool, and gives the line that declares the token', async ({ flags, class: wanted }) => {
    const { stdout } = await trunkline(await aFolder(), {}, ['token', 'create', '--offline', ...flags]);
    const [, token = '', line = ''] = /^token: (\S+)\nline: {2}(.+)\n$/.exec(stdout) ?? [];
    expect(readTokenLines([line])).toEqual({ tokens: [{ hash: hashToken(token), class: wanted }], unreadable: [] });
  });

  test('shows the line alone when the token goes into a file, for the file of the Secret', async () => {
    const folder = await aFolder();
    const ran = await trunkline(folder, {}, ['token', 'create', '--offline', '--out', 'crm.token']);
    const token = (await readFile(join(folder, 'crm.token'), 'utf8')).trim();
    expect((await stat(join(folder, 'crm.token'))).mode & 0o777).toBe(0o600);
    expect(ran).toEqual({ status: 0, stdout: `${hashToken(token).toString('hex')}\n`, stderr: '' });
  });

  test('makes none for what is the name of no class', async () => {
    const ran = await trunkline(await aFolder(), {}, ['token', 'create', '--offline', '--class', 'Not a class']);
    expect([ran.status, ran.stdout, ran.stderr]).toEqual([2, '', expect.stringContaining('must be lower-case letters')]);
  });
});

describe('a pool is found', () => {
  test('in .trunkline, when it is the only one there', async () => {
    const { intake, folder } = await openTerminal();
    await writeState(join(folder, '.trunkline/sales'), intake.url, poolToken);
    expect(await trunkline(folder, {}, ['status'])).toMatchObject({ status: 0 });
    await writeState(join(folder, '.trunkline/support'), intake.url, poolToken);
    const several = await trunkline(folder, {}, ['status']);
    expect([several.status, several.stderr]).toEqual([3, expect.stringContaining('--state .trunkline/')]);
  });

  test('by the environment, which the command line overrides', async () => {
    const { intake, folder } = await openTerminal();
    await writeFile(join(folder, 'my.token'), `${poolToken}\n`);
    const env = { TRUNKLINE_URL: intake.url, TRUNKLINE_TOKEN_FILE: join(folder, 'my.token') };
    expect(await trunkline(folder, env, ['status'])).toMatchObject({ status: 0 });
    const elsewhere = await trunkline(folder, env, ['status', '--url', 'http://127.0.0.1:1']);
    expect([elsewhere.status, elsewhere.stderr]).toEqual([3, expect.stringContaining('is the pool running?')]);
  });

  test('never without a token, and the message says how to give one', async () => {
    const ran = await trunkline(await aFolder(), {}, ['status']);
    expect([ran.status, ran.stderr]).toEqual([3, expect.stringContaining('--token-file')]);
  });

  test.each([
    { name: 'several lines', text: 'tl_secret-one\ntl_secret-two\n', says: 'holds several lines' },
    { name: 'a sentence', text: 'my token is tl_secret-one', says: 'holds a space' },
    { name: 'a letter that no header takes', text: 'tl_secret-ö', says: 'holds a space or a character that no token has' },
  ])('never by a file that holds $name, of which nothing is shown', async ({ text, says }) => {
    const folder = await aFolder();
    await writeFile(join(folder, 'my.token'), text);
    const ran = await trunkline(folder, {}, ['status', '--token-file', 'my.token']);
    expect([ran.status, ran.stdout, ran.stderr]).toEqual([3, '', expect.stringContaining(`my.token ${says}`)]);
    expect(ran.stderr).not.toContain('secret');
    await writeState(join(folder, 'state'), 'http://127.0.0.1:1', text);
    const byState = await trunkline(folder, {}, ['status', '--state', 'state']);
    expect([byState.status, byState.stderr]).toEqual([3, expect.stringContaining(says)]);
    expect(byState.stderr).not.toContain('secret');
  });

  test('and a wrong token is a negative answer', async () => {
    const { intake, folder } = await openTerminal();
    await writeState(join(folder, 'other'), intake.url, 'wrong');
    const ran = await trunkline(folder, {}, ['status', '--state', 'other']);
    expect([ran.status, ran.stderr]).toEqual([1, expect.stringContaining('not valid')]);
  });
});
