import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { ask, creation, dial, manifest, manualClock, simulate, temporaryDirectory } from './fixture.ts';

const number = (n: number) => `+121255000${String(n).padStart(2, '0')}`;

describe('after a restart', () => {
  test('live calls go on, what is overdue happens now, and nothing is counted twice', () => {
    const directory = temporaryDirectory();
    const before = manualClock();
    const first = simulate({}, { clock: before, directory });
    const old = dial(first, 'front', number(1)).body['id'];
    before.advance(50_000);
    const young = dial(first, 'far', number(2)).body['id'];
    before.advance(5_000);
    first.close();
    const counted = first.report();

    const after = manualClock(before.nowMs() + 30_000);
    const second = simulate({}, { clock: after, directory });
    expect(second.report()).toEqual(counted);
    after.advance(1);
    expect(ask(second, 'front', `GET /call/${old}`).body).toMatchObject({ status: 'ended', createdAt: expect.any(String) });
    after.advance(1_000);
    expect(ask(second, 'far', `GET /call/${young}`).body['status']).toBe('in-progress');
    after.advance(60_000);
    expect(second.report()).toMatchObject({ live: 0, dials: 2, duplicateDials: 0 });
  });

  test('a line that was not free yet is freed when it was to be', () => {
    const directory = temporaryDirectory();
    const provider = { releaseLagSeconds: { min: 60, max: 60 } };
    const before = manualClock();
    const first = simulate({ provider }, { clock: before, directory });
    for (const each of [1, 2]) dial(first, 'far', number(each));
    before.advance(75_000);
    first.close();

    const after = manualClock(before.nowMs());
    const second = simulate({ provider }, { clock: after, directory });
    expect(dial(second, 'far', number(3)).status).toBe(400);
    after.advance(60_000);
    expect(dial(second, 'far', number(3)).status).toBe(201);
  });

  test('a line of the log that a kill cut off is left out, also for what follows', () => {
    const directory = temporaryDirectory();
    const first = simulate({}, { directory });
    dial(first, 'front', number(1));
    first.close();
    const log = join(directory, 'simulator', 'calls.ndjson');
    appendFileSync(log, '{"event":"refu');
    const second = simulate({}, { directory });
    dial(second, 'front', number(2));
    second.close();
    expect(simulate({}, { directory }).report().dials).toBe(2);
    expect(statSync(log).mode & 0o777).toBe(0o600);
  });
});

describe('the process', () => {
  async function startProcess(
    directory: string,
  ): Promise<{ readonly base: string; readonly kill: (signal: 'SIGKILL' | 'SIGTERM') => Promise<unknown> }> {
    const file = new URL('../../simulator/main.ts', import.meta.url).pathname;
    const paths = [
      '--pool',
      join(directory, 'pool.yaml'),
      '--scenario',
      join(directory, 'scenario.yaml'),
      '--secrets',
      join(directory, 'secrets'),
    ];
    const child = spawn(process.execPath, [file, ...paths, '--state', directory, '--speed', '1'], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    const [line]: unknown[] = await once(createInterface(child.stdout), 'line');
    const { port }: { port: number } = JSON.parse(String(line));
    const kill = (signal: 'SIGKILL' | 'SIGTERM') => {
      child.kill(signal);
      return exited;
    };
    return { base: `http://127.0.0.1:${port}`, kill };
  }

  test('serves the API, is killed, comes back with its calls, and leaves on SIGTERM', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'pool.yaml'), stringify(manifest));
    writeFileSync(join(directory, 'scenario.yaml'), 'traffic: []\n');
    for (const { name } of manifest.spec.subscriptions.flatMap((each) => each.projects)) {
      mkdirSync(join(directory, 'secrets', name), { recursive: true });
      writeFileSync(join(directory, 'secrets', name, 'apiKey'), `${name}-apiKey\n`);
      writeFileSync(join(directory, 'secrets', name, 'secret'), `${name}-secret\n`);
    }
    const first = await startProcess(directory);
    const headers = { authorization: 'Bearer sales-apiKey', 'content-type': 'application/json' };
    const created = await fetch(`${first.base}/call`, { method: 'POST', headers, body: JSON.stringify(creation(number(1))) });
    expect(created.status).toBe(201);
    const { id, monitor }: { id: string; monitor: { controlUrl: string } } = JSON.parse(await created.text());
    await first.kill('SIGKILL');

    const second = await startProcess(directory);
    const seen = await fetch(`${second.base}/call/${id}`, { headers });
    expect(await seen.json()).toMatchObject({ id, name: creation(number(1))['name'] });
    const control = `${second.base}${new URL(monitor.controlUrl).pathname}`;
    const guessed = await fetch(control.replace(/[^/]+\/control$/, 'guess/control'), { method: 'POST', body: '{"type":"end-call"}' });
    expect(guessed.status).toBe(404);
    const ended = await fetch(control, { method: 'POST', body: '{"type":"end-call"}' });
    expect(ended.status).toBe(200);
    const report = await fetch(`${second.base}/_sim/report`);
    expect(await report.json()).toMatchObject({ dials: 1, live: 0, violations: [] });
    const huge = await fetch(`${second.base}/call`, { method: 'POST', headers, body: 'x'.repeat(2_000_000) });
    expect(huge.status).toBe(413);
    expect(await second.kill('SIGTERM')).toEqual([0, null]);
    expect(readFileSync(join(directory, 'simulator', 'calls.ndjson'), 'utf8')).toContain('manually-canceled');
  });
});
