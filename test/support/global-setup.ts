import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../standalone/embedded-postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly postgresUrl: string;
  }
}

/** One real PostgreSQL for the whole run; every test takes a database of its own (see ledger.ts beside this file). */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Not os.tmpdir(): the server runs as another user when we are root, and must reach its directory.
  const directory = await mkdtemp(join('/tmp', 'trunkline-test-'));
  await chmod(directory, 0o711);
  const server = await startPostgres({ directory: join(directory, 'postgres'), log: () => undefined });
  project.provide('postgresUrl', server.url);
  return async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  };
}
