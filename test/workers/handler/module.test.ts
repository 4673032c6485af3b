import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Handler, type HandlerAnswer, openHandler } from '../../../workers/handler/handler.ts';
import { openSecrets } from '../../../workers/secrets.ts';

const never = new AbortController().signal;
const moduleAt = (name: string) => new URL(`./modules/${name}`, import.meta.url).pathname;

function open(module: string, timeout = '2s'): { handler: Handler; logged: string[] } {
  const logged: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
  const handler = openHandler(
    { module: moduleAt(module), timeout, stateful: false },
    { secrets: openSecrets('/nowhere'), log, observe: () => undefined, random: () => 0.5 },
  );
  onTestFinished(() => handler.close());
  return { handler, logged };
}

const ask = (handler: Handler, message: object, type = 'tool-calls') =>
  handler.answer({ raw: Buffer.from(JSON.stringify({ message })), type, callId: 'call-1', project: 'us-sales', headers: {} }, never);

/** Asks until the module answers: after a crash its thread is started again a little later. */
async function untilAnswered(handler: Handler): Promise<HandlerAnswer> {
  for (;;) {
    const answer = await ask(handler, { do: 'answer' });
    if (answer.kind === 'answer') return answer;
    await sleep(50);
  }
}

describe("the team's module", () => {
  test('answers an event', async () => {
    const { handler } = open('team.ts');
    expect(await ask(handler, { do: 'answer' })).toEqual({
      kind: 'answer',
      status: 200,
      contentType: 'application/json',
      body: Buffer.from('{"results":[{"toolCallId":"t1","result":"tool-calls at us-sales"}]}'),
    });
  });

  test('may have nothing to say', async () => {
    expect(await ask(open('team.ts').handler, { do: 'nothing' })).toEqual({ kind: 'none' });
  });

  test("does not see the worker's own environment", async () => {
    process.env['TRUNKLINE_LEDGER_URL'] = 'postgres://someone:secret@ledger';
    onTestFinished(() => {
      delete process.env['TRUNKLINE_LEDGER_URL'];
    });
    expect(await ask(open('team.ts').handler, { do: 'environment' })).toMatchObject({ body: Buffer.from('[]') });
  });

  test('that throws fails that event, with no number in the log, and answers the next', async () => {
    const { handler, logged } = open('team.ts');
    expect(await ask(handler, { do: 'throw' })).toEqual({ kind: 'failed', detail: 'the handler module threw: no table for …23' });
    expect(await ask(handler, { do: 'answer' })).toMatchObject({ kind: 'answer' });
    expect(logged.join('')).not.toContain('4155550123');
  });

  test('that is late is late, and answers the next without being started again', async () => {
    const { handler, logged } = open('team.ts', '200ms');
    await untilAnswered(handler);
    expect(await ask(handler, { do: 'wait', ms: 400 })).toEqual({ kind: 'late' });
    await sleep(1_500);
    expect(await ask(handler, { do: 'answer' })).toMatchObject({ kind: 'answer' });
    expect(logged.join('')).not.toContain('started again');
  });

  test('that answers too much fails', async () => {
    expect(await ask(open('team.ts').handler, { do: 'flood' })).toMatchObject({
      kind: 'failed',
      detail: expect.stringContaining('longer than'),
    });
  });

  test.each(['spin', 'crash', 'exit', 'leak'])('that does %s is started again, and never stops the worker', async (what) => {
    const { handler } = open('team.ts', '500ms');
    await untilAnswered(handler);
    let turns = 0;
    const turning = setInterval(() => {
      turns += 1;
    }, 10);
    expect((await ask(handler, { do: what })).kind).toMatch(/late|failed/);
    expect(await untilAnswered(handler)).toMatchObject({ kind: 'answer' });
    clearInterval(turning);
    expect(turns).toBeGreaterThan(5);
  });

  test.each(['without-export.ts', 'not-there.ts'])('that cannot be used (%s) fails its events and says why', async (name) => {
    const { handler, logged } = open(name, '300ms');
    expect((await ask(handler, { do: 'answer' })).kind).toMatch(/failed|late/);
    // A thread on a busy machine may take longer to start than the event's deadline.
    await vi.waitFor(() => expect(logged.join('')).toMatch(/no export onEvent|Cannot find module/), { timeout: 20_000 });
  });
});

test('without a handler there is no answer', async () => {
  const handler = openHandler(undefined, { secrets: openSecrets('/nowhere'), log: pino({ level: 'silent' }), observe: () => undefined });
  expect(await ask(handler, { do: 'answer' })).toEqual({ kind: 'none' });
});
