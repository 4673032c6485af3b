import { setTimeout as sleep } from 'node:timers/promises';
import type { HandlerSpec } from '../../crds/pool.ts';
import { durationMs } from '../../crds/values.ts';
import { type Handler, type HandlerAnswer, type HandlerOptions, openHandler } from './handler.ts';

/** A handler beyond its own deadline answers nobody any more. */
const graceMs = 1_000;

type InForce = {
  readonly key: string;
  readonly handler: Handler;
  readonly spec: HandlerSpec | undefined;
  readonly answering: Set<Promise<HandlerAnswer>>;
};

/**
 * The handler that the policy names now. When it names another one, or names it differently, new events go to the new one, and the old one is closed
 * when those that it has are answered, or can no longer be.
 */
export function followHandler(spec: () => HandlerSpec | undefined, options: HandlerOptions): Handler {
  const retiring = new Set<Promise<void>>();
  let current = open(spec());

  function open(declared: HandlerSpec | undefined): InForce {
    return { key: JSON.stringify(declared ?? null), handler: openHandler(declared, options), spec: declared, answering: new Set() };
  }

  function inForce(): InForce {
    const declared = spec();
    if (declared === current.spec || JSON.stringify(declared ?? null) === current.key) return current;
    options.log.info('the handler changed');
    retire(current);
    current = open(declared);
    return current;
  }

  function retire(former: InForce): void {
    const boundMs = (former.spec === undefined ? 0 : durationMs(former.spec.timeout)) + graceMs;
    const work = Promise.race([Promise.allSettled(former.answering), sleep(boundMs, undefined, { ref: false })])
      .then(() => former.handler.close())
      .finally(() => retiring.delete(work));
    retiring.add(work);
  }

  return {
    async answer(event, signal) {
      const asked = inForce();
      const answer = asked.handler.answer(event, signal);
      asked.answering.add(answer);
      try {
        return await answer;
      } finally {
        asked.answering.delete(answer);
      }
    },
    async close() {
      await Promise.all(retiring);
      await current.handler.close();
    },
  };
}
