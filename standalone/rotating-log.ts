import { appendFile, rename, stat } from 'node:fs/promises';
import { Writable } from 'node:stream';

/**
 * A log file that never grows beyond `maxBytes`: when it would, it becomes `<file>.1` (replacing the one before) and a new one begins. Lines are
 * written in the order they come; whoever writes faster than the disk is held back.
 */
export function rotatingLog(file: string, maxBytes = 10_000_000): Writable {
  let bytes: number | undefined;
  const append = async (chunk: Buffer): Promise<void> => {
    bytes ??= await sizeOf(file);
    if (bytes > 0 && bytes + chunk.length > maxBytes) {
      await rename(file, `${file}.1`);
      bytes = 0;
    }
    await appendFile(file, chunk, { mode: 0o600 });
    bytes += chunk.length;
  };
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      append(chunk).then(() => done(), done);
    },
  });
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    (entry) => entry.size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return 0;
      throw error;
    },
  );
}
