import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { secretsOf } from '../../crds/secrets.ts';
import { readDeclaration } from '../../standalone/declaration.ts';
import { endingsInARow, restartDelayMs } from '../../standalone/restart.ts';
import { rotatingLog } from '../../standalone/rotating-log.ts';
import { boundsOf } from '../../standalone/scaling.ts';
import { inventSecrets, requireSecrets } from '../../standalone/secrets.ts';
import { openState, StateInUse } from '../../standalone/state.ts';

const pool = fileURLToPath(new URL('../../crds/samples/trial.yaml', import.meta.url));

async function emptyDirectory(): Promise<string> {
  const directory = await mkdtemp(join('/tmp', 'trunkline-supervision-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe('a process that ends', () => {
  test.each([
    [1, 100],
    [2, 200],
    [3, 400],
    [7, 6_400],
    [8, 10_000],
    [1_000, 10_000],
  ])('for the %i. time in a row starts again after %i ms', (endings, delayMs) => {
    expect(restartDelayMs(endings)).toBe(delayMs);
  });

  test('begins to count anew after 30 s of health', () => {
    expect(endingsInARow(0, 50)).toBe(1);
    expect(endingsInARow(5, 29_999)).toBe(6);
    expect(endingsInARow(5, 30_000)).toBe(1);
  });
});

describe('a log', () => {
  test('keeps order, and turns over before it grows beyond its bound', async () => {
    const file = join(await emptyDirectory(), 'worker-1.log');
    const log = rotatingLog(file, 100);
    for (let line = 0; line < 25; line += 1) log.write(`line ${String(line).padStart(4, '0')}\n`);
    log.end();
    await finished(log);
    const [older, newer] = [await readFile(`${file}.1`, 'utf8'), await readFile(file, 'utf8')];
    expect(older).toBe(Array.from({ length: 10 }, (_, line) => `line ${String(line + 10).padStart(4, '0')}\n`).join(''));
    expect(newer).toBe(Array.from({ length: 5 }, (_, line) => `line ${String(line + 20).padStart(4, '0')}\n`).join(''));
  });

  test('goes on where a former run stopped', async () => {
    const file = join(await emptyDirectory(), 'worker-1.log');
    await writeFile(file, 'x'.repeat(95));
    const log = rotatingLog(file, 100);
    log.end('0123456789');
    await finished(log);
    expect(await readFile(`${file}.1`, 'utf8')).toBe('x'.repeat(95));
    expect(await readFile(file, 'utf8')).toBe('0123456789');
  });
});

describe('a state directory', () => {
  test('is for one at a time', async () => {
    const directory = join(await emptyDirectory(), 'state');
    const state = await openState(directory);
    await expect(openState(directory)).rejects.toThrow(StateInUse);
    await state.release();
    await (await openState(directory)).release();
  });

  test.each([
    ['a process that is gone', '999999999 whenever'],
    ['another process that got the pid', `${process.pid} long ago`],
    ['nothing readable', '?'],
  ])('is taken over when its lock names %s', async (_, holder) => {
    const directory = join(await emptyDirectory(), 'state');
    await mkdir(directory);
    await writeFile(join(directory, 'lock'), `${holder}\n`);
    const state = await openState(directory);
    expect(await readFile(join(directory, 'lock'), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    await state.release();
  });

  test('goes to one of many who find a stale lock at once', async () => {
    const directory = join(await emptyDirectory(), 'state');
    await mkdir(directory);
    await writeFile(join(directory, 'lock'), '999999999 whenever\n');
    const tries = await Promise.allSettled([openState(directory), openState(directory), openState(directory)]);
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('lets others pass through at most', async () => {
    const directory = join(await emptyDirectory(), 'state');
    const state = await openState(directory);
    expect((await stat(directory)).mode & 0o066).toBe(0);
    expect((await stat(state.logs)).mode & 0o077).toBe(0);
    await state.release();
  });
});

describe('secrets', () => {
  test('that are missing are named with the field that asks for them', async () => {
    const { manifest } = await readDeclaration(pool);
    const directory = await emptyDirectory();
    await mkdir(join(directory, 'vapi-main-front'));
    await writeFile(join(directory, 'vapi-main-front/apiKey'), 'key');
    const refusal = await requireSecrets(manifest.spec, directory).catch((error: Error) => error.message);
    expect(refusal).toContain(
      `${directory}/vapi-main-front/webhookSecret   (spec.subscriptions[main].projects[main-front].webhookSecretRef)`,
    );
    expect(refusal).not.toContain('vapi-main-front/apiKey');
  });

  test('are made up for the simulated provider, private, and only where there are none', async () => {
    const { manifest } = await readDeclaration(pool);
    const directory = await emptyDirectory();
    await mkdir(join(directory, 'vapi-main-front'));
    await writeFile(join(directory, 'vapi-main-front/apiKey'), 'mine');
    await inventSecrets(manifest.spec, directory);
    await requireSecrets(manifest.spec, directory);
    expect(await readFile(join(directory, 'vapi-main-front/apiKey'), 'utf8')).toBe('mine');
    expect((await stat(join(directory, 'vapi-main-sales/apiKey'))).mode & 0o777).toBe(0o600);
    expect(secretsOf(manifest.spec)).toHaveLength(6);
  });
});

describe('a declaration', () => {
  test.each([
    { what: 'what it says', scaling: { minReplicas: 1, maxReplicas: 4 }, processors: 8, bounds: { min: 1, max: 4 } },
    { what: 'one a processor, when it says more', scaling: { minReplicas: 2, maxReplicas: 20 }, processors: 6, bounds: { min: 2, max: 6 } },
    {
      what: 'the least that it says on any machine',
      scaling: { minReplicas: 3, maxReplicas: 20 },
      processors: 1,
      bounds: { min: 3, max: 3 },
    },
  ])('has as many workers as $what', async ({ scaling, processors, bounds }) => {
    const declaration = await readDeclaration(pool);
    const spec = { ...declaration.manifest.spec, scaling: { ...declaration.manifest.spec.scaling, ...scaling } };
    expect(boundsOf({ ...declaration, manifest: { ...declaration.manifest, spec } }, processors)).toEqual(bounds);
  });

  test('that is wrong is refused with every place', async () => {
    const file = join(await emptyDirectory(), 'pool.yaml');
    await writeFile(file, (await readFile(pool, 'utf8')).replace('priority: 100\n', 'priority: high\n'));
    await chmod(file, 0o600);
    await expect(readDeclaration(file)).rejects.toThrow(/pool\.yaml:\d+:\d+ spec\.classes\[1\]\.priority/);
    await expect(readDeclaration(`${file}.none`)).rejects.toThrow(/there is no such file/);
  });
});
