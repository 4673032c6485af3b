import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** A file of JSON lines that only grows. */
export type Ndjson = { readonly append: (value: object) => void; readonly close: () => void };

/**
 * Opens a file for appending; it may hold phone numbers, so only its owner may read it. Each line is one `write`, so that a kill loses none that was
 * acknowledged; what it protects from is the death of the process, not of the machine.
 */
export function openNdjson(file: string): Ndjson {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const descriptor = openSync(file, 'a', 0o600);
  const text = textOf(file);
  // A line that a kill cut off would swallow the next one.
  if (text !== '' && !text.endsWith('\n')) ftruncateSync(descriptor, Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1)));
  let open = true;
  return {
    // Answers that arrive while the process leaves change nothing any more; the next process takes up from what is written.
    append: (value) => {
      if (open) writeSync(descriptor, `${JSON.stringify(value)}\n`);
    },
    close: () => {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

/** Complete lines of a file, none when there is no file. A last line without its end was cut off by a kill and never counted. */
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
