import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A clock of PostgreSQL's own, by the library libfaketime: it steps when a file changes. Monotonic clocks stay right. */
export type ServerClock = {
  /** For the server to be started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Sets the wall clock off by so much. */
  set(offsetMs: number): Promise<void>;
};

/** Where distributions put it. */
const places = ['x86_64-linux-gnu', 'aarch64-linux-gnu', '.'].map((directory) => join('/usr/lib', directory, 'faketime/libfaketime.so.1'));

async function library(): Promise<string | undefined> {
  for (const place of places) {
    const there = await access(place).then(
      () => true,
      () => false,
    );
    if (there) return place;
  }
  return undefined;
}

export async function serverClockLacks(): Promise<string | undefined> {
  return (await library()) === undefined ? 'needs libfaketime (package libfaketime)' : undefined;
}

/** `directory` must be one that the server's user can reach. */
export async function openServerClock(directory: string): Promise<ServerClock> {
  const preload = await library();
  if (preload === undefined) throw new Error('libfaketime is not there');
  const file = join(directory, 'server.clock');
  const set = (offsetMs: number): Promise<void> =>
    writeFile(file, `${offsetMs < 0 ? '-' : '+'}${Math.abs(offsetMs) / 1_000}\n`, { mode: 0o644 });
  await set(0);
  return {
    environment: {
      LD_PRELOAD: preload,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
  };
}
