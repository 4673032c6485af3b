import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type TruthEvent, truthEvent } from './events.ts';

/** The truth on disk: one event a line, appended before anyone hears of it. Holds phone numbers, so only its owner may read it. */
export type TruthLog = { readonly append: (event: TruthEvent) => void; readonly close: () => void };

/**
 * Opens the log for appending. Each event is one `write`, so that a kill loses none that was acknowledged; what it protects from is the death of
 * the process, not of the machine.
 */
export function openTruthLog(file: string): TruthLog {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const descriptor = openSync(file, 'a', 0o600);
  const text = textOf(file);
  // A line that a kill cut off would swallow the next one.
  if (text !== '' && !text.endsWith('\n')) ftruncateSync(descriptor, Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1)));
  return {
    append: (event) => {
      writeSync(descriptor, `${JSON.stringify(event)}\n`);
    },
    close: () => closeSync(descriptor),
  };
}

/** All events of a log in order; none when there is no log yet. A last line without its end was cut off by a kill and never counted. */
export function readTruthLog(file: string): readonly TruthEvent[] {
  return readLines(file).map((line, index) => {
    const event = truthEvent.safeParse(JSON.parse(line));
    if (!event.success)
      throw new Error(`${file}, line ${index + 1} is not an event of the simulator; remove the state directory to begin anew.`);
    return event.data;
  });
}

/** Complete lines of an NDJSON file. */
export function readLines(file: string): readonly string[] {
  const text = textOf(file);
  const end = text.lastIndexOf('\n');
  return end === -1 ? [] : text.slice(0, end).split('\n');
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
