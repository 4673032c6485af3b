import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { HandlerSpec } from '../../crds/pool.ts';
import { redact } from '../../providers/vapi/redact.ts';
import type { HandlerAnswer, HandlerOptions, Target } from './handler.ts';
import { fromThread, maxAnswerLength, type ToThread } from './protocol.ts';

/**
 * Runs the team's module in a thread, never in the worker's own: a module that loops, leaks or throws costs itself. The thread is started again, at
 * growing intervals, when it crashes, runs out of memory, does not answer a ping after an event was late, or leaves hundreds of events unanswered.
 */

type Answer = Exclude<HandlerAnswer, { kind: 'late' }>;

type Thread = {
  readonly worker: Worker;
  /** Resolves when the module can be called, or has ended before. */
  readonly usable: Promise<boolean>;
  readonly pending: Map<number, (answer: Answer) => void>;
  /** Events that the module has not answered, those included that nobody waits for any more. */
  unanswered: number;
  /** Running while a ping is out. */
  hungTimer: NodeJS.Timeout | undefined;
};

const maxHeapMb = 256;
const hungAfterMs = 1_000;
const maxUnanswered = 256;
const firstRestartMs = 100;
const lastRestartMs = 30_000;
/** A thread that lived this long has earned that the next restart is quick again. */
const healthyAfterMs = 60_000;

export function openModuleTarget(spec: Extract<HandlerSpec, { module: string }>, options: HandlerOptions): Target {
  const random = options.random ?? Math.random;
  const url = pathToFileURL(resolve(spec.module)).href;
  let thread: Thread | undefined;
  let restart: NodeJS.Timeout | undefined;
  let failures = 0;
  let closed = false;
  let lastId = 0;

  function start(): void {
    const startedMs = performance.now();
    const worker = new Worker(new URL('./module-thread.ts', import.meta.url), {
      workerData: { url, maxAnswerLength },
      env: withoutOurs(process.env),
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
      name: 'handler',
    });
    worker.unref();
    const { promise, resolve: settle } = Promise.withResolvers<boolean>();
    const started: Thread = { worker, usable: promise, pending: new Map(), unanswered: 0, hungTimer: undefined };
    thread = started;
    worker.on('message', (message: unknown) => hear(started, message, settle));
    worker.on('error', (error) => options.log.error({ detail: redact(error.message) }, 'the handler module crashed'));
    worker.on('exit', () => {
      settle(false);
      clearTimeout(started.hungTimer);
      for (const tell of started.pending.values()) tell({ kind: 'failed', detail: 'the handler module ended before it answered' });
      started.pending.clear();
      thread = undefined;
      if (closed) return;
      failures = performance.now() - startedMs > healthyAfterMs ? 1 : failures + 1;
      const delayMs = Math.min(lastRestartMs, firstRestartMs * 2 ** (failures - 1)) * (0.75 + random() / 2);
      restart = setTimeout(start, delayMs).unref();
    });
  }

  function hear(from: Thread, message: unknown, settle: (usable: boolean) => void): void {
    clearTimeout(from.hungTimer);
    from.hungTimer = undefined;
    const heard = fromThread.safeParse(message);
    if (!heard.success) return;
    switch (heard.data.kind) {
      case 'ready':
        settle(true);
        return;
      case 'unusable':
        options.log.error({ module: spec.module, detail: redact(heard.data.detail) }, 'the handler module cannot be used');
        void from.worker.terminate();
        return;
      case 'answer':
        from.unanswered -= 1;
        from.pending.get(heard.data.id)?.(answerOf(heard.data.json));
        return;
      case 'error':
        from.unanswered -= 1;
        from.pending.get(heard.data.id)?.({ kind: 'failed', detail: redact(`the handler module threw: ${heard.data.detail}`) });
        return;
      case 'pong':
        return;
    }
  }

  /** After a late answer: is the module slow, or does its thread not turn at all? */
  function suspect(late: Thread): void {
    if (late.unanswered > maxUnanswered) {
      options.log.error({ module: spec.module, unanswered: late.unanswered }, 'the handler module leaves events unanswered: started again');
      void late.worker.terminate();
      return;
    }
    if (late.hungTimer !== undefined) return;
    late.worker.postMessage({ kind: 'ping' } satisfies ToThread);
    late.hungTimer = setTimeout(() => {
      options.log.error({ module: spec.module }, 'the handler module blocks its thread: started again');
      void late.worker.terminate();
    }, hungAfterMs).unref();
  }

  function ask(of: Thread, event: Parameters<Target['answer']>[0], deadline: AbortSignal): Promise<Answer> {
    lastId += 1;
    const id = lastId;
    return new Promise((resolveAnswer) => {
      const settle = (answer: Answer) => {
        deadline.removeEventListener('abort', onLate);
        of.pending.delete(id);
        resolveAnswer(answer);
      };
      const onLate = () => {
        settle({ kind: 'failed', detail: 'late' });
        suspect(of);
      };
      deadline.addEventListener('abort', onLate, { once: true });
      of.pending.set(id, settle);
      of.unanswered += 1;
      // A copy that is handed over: cloning the buffer itself would copy whatever else lies in its memory.
      const raw = new Uint8Array(event.raw);
      of.worker.postMessage({ kind: 'event', id, type: event.type, project: event.project, raw } satisfies ToThread, [raw.buffer]);
    });
  }

  start();
  return {
    async answer(event, deadline) {
      const current = thread;
      if (current === undefined) return { kind: 'failed', detail: 'the handler module is being started again' };
      const usable = await orAborted(current.usable, deadline);
      if (usable !== true || deadline.aborted) return { kind: 'failed', detail: 'the handler module is not ready' };
      return ask(current, event, deadline);
    },
    async close() {
      closed = true;
      clearTimeout(restart);
      await thread?.worker.terminate();
    },
  };
}

function answerOf(json: string | undefined): Answer {
  if (json === undefined) return { kind: 'none' };
  return { kind: 'answer', status: 200, body: Buffer.from(json), contentType: 'application/json' };
}

/** The team's module gets the environment, but for what is ours: the ledger's address has a password in it. */
function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('TRUNKLINE_')));
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolveWork, reject) => {
    const onAbort = () => resolveWork(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolveWork, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
