import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { readLines } from '../truth/log.ts';

const entry = z.strictObject({ id: z.string(), key: z.string() });

/** Sessions that the intake acknowledged, on disk: what `lost` is counted against. A session acknowledged twice is there once. */
export class Accepted {
  readonly #ids = new Map<string, string>();
  readonly #file: string;
  readonly #descriptor: number;

  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.#file = file;
    for (const line of readLines(file)) {
      const { id, key } = entry.parse(JSON.parse(line));
      this.#ids.set(key, id);
    }
    this.#descriptor = openSync(file, 'a', 0o600);
  }

  has(key: string): boolean {
    return this.#ids.has(key);
  }

  /** Writes an acknowledgement down; false when it is known already. */
  add(key: string, id: string): boolean {
    if (this.#ids.has(key)) return false;
    this.#ids.set(key, id);
    writeSync(this.#descriptor, `${JSON.stringify({ id, key })}\n`);
    return true;
  }

  /** The distinct session ids. */
  ids(): readonly string[] {
    return [...new Set(this.#ids.values())];
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  get file(): string {
    return this.#file;
  }
}
