import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { between, chance } from '../dice.ts';
import type { Family } from '../fault.ts';
import { smallDiskLacks } from '../small-disk.ts';
import { pause } from '../waiting.ts';

/** A full disk: the server's small one is filled to the last byte, and the log may be made to need more. */
export const diskFull: Family = {
  name: 'disk full',
  group: 'database',
  disk: 'small',
  lacks: smallDiskLacks,
  draw(random, { spec }) {
    const forMs = between(random, 1_500, 6_000);
    // What is allocated already can still be written: then only what grows fails, and the server lives.
    const logGrows = chance(random, 0.6);
    return {
      told: `for ${forMs} ms${logGrows ? ', and the log grows' : ''}`,
      atMs: between(random, 1_500, 6_000),
      lastsMs: forMs + 4_000,
      refusals: spec.classes.some(({ direction }) => direction !== 'Outbound') ? 'explained' : 'none',
      flow: 'goes-on',
      async inflict({ server, database, note }, signal) {
        const ballast = join(server.directory, '..', 'ballast');
        try {
          note(`filled the disk with ${await fill(ballast)} bytes`);
          const overMs = performance.now() + forMs;
          while (performance.now() < overMs && !signal.aborted) {
            // A new segment of the log needs room that is not there: the server gives up, and cannot come back while there is none.
            const statement = logGrows ? 'select pg_switch_wal()' : 'select 1';
            await database.query(statement).catch((error: Error) => note(`the server says: ${error.message}`));
            await pause(300, signal);
          }
        } finally {
          await rm(ballast, { force: true });
        }
        await server.start();
      },
    };
  },
};

/** Writes until nothing fits any more. */
async function fill(file: string): Promise<number> {
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
  let written = 0;
  try {
    for (const size of [1 << 20, 1 << 12]) {
      const block = Buffer.alloc(size, 1);
      for (let wrote = await append(block); wrote > 0; wrote = await append(block)) written += wrote;
    }
  } finally {
    await handle.close();
  }
  return written;

  async function append(block: Buffer): Promise<number> {
    return handle.write(block).then(
      ({ bytesWritten }) => bytesWritten,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOSPC') return 0;
        throw error;
      },
    );
  }
}
