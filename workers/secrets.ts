import { readFile, stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import type { SecretRef } from '../crds/values.ts';

/**
 * Secrets as files, `DIR/<name>/<key>`, the way Kubernetes mounts them. A changed file is seen within a second. Values never appear in errors.
 */
export type Secrets = {
  /** The secret's first value. @throws SecretMissing */
  read(ref: SecretRef): Promise<string>;
  /** All its values, one a line: the new and the old one while it is rotated. @throws SecretMissing */
  readAll(ref: SecretRef): Promise<readonly string[]>;
};

/** The file of a secret is not there, not readable, empty or too large. */
export class SecretMissing extends Error {
  override readonly name = 'SecretMissing';
}

/** How long a value is used without looking at its file again. */
const trustedMs = 1_000;
const maxBytes = 64 * 1_024;

type Cached = { readonly values: readonly string[]; readonly version: string; readonly lookedAtMs: number };

export function openSecrets(directory: string, now: () => number = () => performance.now()): Secrets {
  const cache = new Map<string, Cached>();
  const reading = new Map<string, Promise<readonly string[]>>();

  async function load(ref: SecretRef): Promise<readonly string[]> {
    const name = `${ref.name}/${ref.key}`;
    const path = resolve(directory, ref.name, ref.key);
    if (!path.startsWith(resolve(directory) + sep)) throw new SecretMissing(`secret ${name} lies outside the directory of secrets`);
    const lookedAtMs = now();
    const version = await versionOf(path, name);
    const cached = cache.get(name);
    const values = cached?.version === version ? cached.values : await valuesOf(path, name);
    cache.set(name, { values, version, lookedAtMs });
    return values;
  }

  async function readAll(ref: SecretRef): Promise<readonly string[]> {
    const name = `${ref.name}/${ref.key}`;
    const cached = cache.get(name);
    if (cached !== undefined && now() - cached.lookedAtMs < trustedMs) return cached.values;
    const running = reading.get(name) ?? load(ref).finally(() => reading.delete(name));
    reading.set(name, running);
    return running;
  }

  return {
    readAll,
    read: async (ref) => {
      const [first] = await readAll(ref);
      if (first === undefined) throw new SecretMissing(`secret ${ref.name}/${ref.key} is empty`);
      return first;
    },
  };
}

/** Changes with the file; a mounted Secret is swapped by a link, so the inode tells as well. */
async function versionOf(path: string, name: string): Promise<string> {
  try {
    const { mtimeMs, ino, size } = await stat(path);
    if (size > maxBytes) throw new SecretMissing(`secret ${name} is larger than ${maxBytes} bytes`);
    return `${mtimeMs}/${ino}/${size}`;
  } catch (error) {
    throw missing(error, name);
  }
}

async function valuesOf(path: string, name: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw missing(error, name);
  }
  const values = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (values.length === 0) throw new SecretMissing(`secret ${name} is empty`);
  return values;
}

function missing(error: unknown, name: string): SecretMissing {
  if (error instanceof SecretMissing) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  return new SecretMissing(`secret ${name} cannot be read (${code}): its file is expected in the directory of secrets`, { cause: error });
}
