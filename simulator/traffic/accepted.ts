import { z } from 'zod';
import { type Ndjson, openNdjson, readLines } from '../truth/ndjson.ts';

const entry = z.strictObject({ id: z.string(), key: z.string() });

/** Sessions that the intake acknowledged, on disk: what `lost` is counted against. A session acknowledged twice is there once. */
export class Accepted {
  readonly #ids = new Map<string, string>();
  readonly #file: Ndjson;

  constructor(file: string) {
    for (const line of readLines(file)) {
      const { id, key } = entry.parse(JSON.parse(line));
      this.#ids.set(key, id);
    }
    this.#file = openNdjson(file);
  }

  has(key: string): boolean {
    return this.#ids.has(key);
  }

  /** Writes an acknowledgement down; false when it is known already. */
  add(key: string, id: string): boolean {
    if (this.#ids.has(key)) return false;
    this.#file.append({ id, key });
    this.#ids.set(key, id);
    return true;
  }

  /** The distinct session ids. */
  ids(): readonly string[] {
    return [...new Set(this.#ids.values())];
  }

  close(): void {
    this.#file.close();
  }
}
