import { parentPort, workerData } from 'node:worker_threads';
import type { FromThread, ThreadData, ToThread } from './protocol.ts';

/**
 * The thread of the team's module. It imports the module, calls its `onEvent` for every event, and sends back what that returns. It imports nothing
 * else of ours, so that its memory is the team's.
 */

/** What the module's `onEvent` gets: the provider's message, and where it came from. */
type ModuleEvent = { readonly type: string; readonly project: string; readonly message: unknown };
type OnEvent = (event: ModuleEvent) => unknown;

const data: ThreadData = workerData;
const port = parentPort;
if (port === null) throw new Error('this file runs as a thread of the worker');
const say = (message: FromThread) => port.postMessage(message);

function detailOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function handle(onEvent: OnEvent, event: Extract<ToThread, { kind: 'event' }>): Promise<void> {
  try {
    const body: unknown = JSON.parse(Buffer.from(event.raw).toString('utf8'));
    const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : body;
    const value = await onEvent({ type: event.type, project: event.project, message });
    const json = value === undefined ? undefined : JSON.stringify(value);
    if (json !== undefined && json.length > data.maxAnswerLength)
      throw new Error(`the answer is longer than ${data.maxAnswerLength} characters`);
    say({ kind: 'answer', id: event.id, json });
  } catch (error) {
    say({ kind: 'error', id: event.id, detail: detailOf(error) });
  }
}

async function load(url: string): Promise<OnEvent | undefined> {
  const imported: unknown = await import(url);
  if (typeof imported !== 'object' || imported === null || !('onEvent' in imported)) return undefined;
  const { onEvent } = imported;
  return typeof onEvent === 'function' ? (event) => onEvent(event) : undefined;
}

try {
  const onEvent = await load(data.url);
  if (onEvent === undefined) {
    say({ kind: 'unusable', detail: 'the module has no export onEvent that is a function' });
  } else {
    port.on('message', (message: ToThread) => {
      if (message.kind === 'ping') say({ kind: 'pong' });
      else void handle(onEvent, message);
    });
    say({ kind: 'ready' });
  }
} catch (error) {
  say({ kind: 'unusable', detail: detailOf(error) });
}
