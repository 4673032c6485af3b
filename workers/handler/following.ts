import type { HandlerSpec } from '../../crds/pool.ts';
import { durationMs } from '../../crds/values.ts';
import { type Handler, type HandlerOptions, openHandler } from './handler.ts';

/** A handler beyond its own deadline answers nobody any more. */
const graceMs = 1_000;

type InForce = { readonly key: string; readonly handler: Handler; readonly spec: HandlerSpec | undefined; running: number };

/**
 * The handler that the policy names now. When it names another one, or names it differently, new events go to the new one, and the old one is closed
 * when those that it has are answered, or can no longer be.
 */
export function followHandler(spec: () => HandlerSpec | undefined, options: HandlerOptions): Handler {
  const retiring = new Set<Promise<void>>();
  let current = open(spec());

  function open(declared: HandlerSpec | undefined): InForce {
    return { key: JSON.stringify(declared ?? null), handler: openHandler(declared, options), spec: declared, running: 0 };
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
    const untilMs = performance.now() + boundMs;
    const work = (async () => {
      while (former.running > 0 && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 50));
      await former.handler.close();
    })().finally(() => retiring.delete(work));
    retiring.add(work);
  }

  return {
    async answer(event, signal) {
      const asked = inForce();
      asked.running += 1;
      try {
        return await asked.handler.answer(event, signal);
      } finally {
        asked.running -= 1;
      }
    },
    async close() {
      await Promise.all(retiring);
      await current.handler.close();
    },
  };
}
