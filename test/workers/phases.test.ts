import { describe, expect, test } from 'vitest';
import { askLastsMs, openPhases } from '../../workers/phases.ts';
import { silent } from './data-path.ts';

/** A worker's phases with a clock of their own, and a note of everything that they ask for. */
function phases(handingOver: Promise<void> = Promise.resolve(), droppingAsk: Promise<void> = Promise.resolve()) {
  const did: string[] = [];
  let nowMs = 0;
  const note = (what: string) => () => void did.push(what);
  const opened = openPhases({
    handOver: () => {
      did.push('hand over');
      return handingOver;
    },
    takeUp: note('take up'),
    dropAsk: async () => {
      did.push('drop ask');
      await droppingAsk;
    },
    clock: () => nowMs,
    log: silent,
  });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { phases: opened, did, pass };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a worker', () => {
  test('starts, and serves when everything is there', () => {
    const { phases: worker, did } = phases();
    expect(worker.now).toBe('starting');
    worker.serve();
    expect([worker.now, did]).toEqual(['serving', ['take up']]);
  });

  test('that is asked to drain hands over once, waits, and serves again when it is wanted after all', async () => {
    const handingOver = Promise.withResolvers<void>();
    const { phases: worker, did } = phases(handingOver.promise);
    worker.serve();
    await worker.hear('drain');
    await worker.hear('drain');
    expect(worker.now).toBe('draining');
    await worker.hear('serve');
    expect(worker.now).toBe('draining');
    handingOver.resolve();
    await settled();
    expect(worker.now).toBe('drained');
    await worker.hear('serve');
    expect([worker.now, did]).toEqual(['serving', ['take up', 'hand over', 'take up']]);
    await worker.hear('drain');
    expect(did).toEqual(['take up', 'hand over', 'take up', 'hand over']);
  });

  test('that drained and is not taken away serves again, so that nobody has to decide it', async () => {
    const { phases: worker, did, pass } = phases();
    worker.serve();
    await worker.hear('drain');
    await settled();
    pass(askLastsMs - 1);
    await worker.hear('drain');
    expect(worker.now).toBe('drained');
    pass(1);
    await worker.hear('drain');
    expect([worker.now, did.slice(2)]).toEqual(['serving', ['drop ask', 'take up']]);
  });

  test('that leaves does not come back, and hands over no second time when it had already', async () => {
    const { phases: worker, did, pass } = phases();
    worker.serve();
    await worker.hear('drain');
    await settled();
    pass(7_000);
    await worker.leave();
    expect(worker.unreadyMs()).toBe(7_000);
    pass(askLastsMs);
    await worker.hear('serve');
    await worker.hear('drain');
    expect([worker.now, did]).toEqual(['drained', ['take up', 'hand over']]);
  });

  test('that is told to leave while it takes back an ask does not come back either', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { phases: worker, pass } = phases(undefined, promise);
    worker.serve();
    await worker.hear('drain');
    await settled();
    pass(askLastsMs);
    const heard = worker.hear('drain');
    await worker.leave();
    resolve();
    await heard;
    expect(worker.now).toBe('drained');
  });
});
