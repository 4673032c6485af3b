import { execFile, spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A disk of limited size for the server's data: a file system in memory, which needs root and Linux. */

const run = promisify(execFile);

/** Room for a new database and a minute of work, and little more. */
const megabytes = 192;

export async function smallDiskLacks(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'needs Linux to mount a disk of limited size';
  return process.getuid?.() === 0 ? undefined : 'needs root to mount a disk of limited size';
}

export async function mountSmallDisk(directory: string): Promise<{ unmount(): Promise<void> }> {
  await mkdir(directory, { recursive: true });
  await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0711`, 'tmpfs', directory]);
  // Lazily: a backend may take its time to leave.
  const unmount = ['umount', '-l', directory] as const;
  const onExit = (): void => void spawnSync(unmount[0], unmount.slice(1));
  process.once('exit', onExit);
  return {
    async unmount() {
      process.off('exit', onExit);
      await run(unmount[0], unmount.slice(1));
    },
  };
}
