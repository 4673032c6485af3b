import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Said } from './history.ts';

/** Lines that are evidence; the words are the product's own. */
const evidence = z.discriminatedUnion('msg', [
  z.object({ msg: z.literal('dispatching'), worker: z.string(), epoch: z.number() }),
  z.object({ msg: z.literal('a call turned up late that was looked up in vain'), attempt: z.string() }),
  z.object({ msg: z.literal('attempt ends with unknown outcome'), attempt: z.string() }),
]);

/** Reads all logs of a directory, kept and current ones, and picks the lines that are evidence. */
export async function readLogs(directory: string): Promise<Said> {
  const files = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isFile());
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file.name), 'utf8')));
  return saidIn(texts.flatMap((text) => text.split('\n')));
}

export function saidIn(lines: readonly string[]): Said {
  const said = { epochs: [] as Said['epochs'][number][], adopted: new Set<string>(), givenUp: new Set<string>() };
  for (const line of lines) {
    const found = evidence.safeParse(parseLine(line));
    if (!found.success) continue;
    const { data } = found;
    if (data.msg === 'dispatching') said.epochs.push({ epoch: data.epoch, worker: data.worker });
    else if (data.msg === 'attempt ends with unknown outcome') said.givenUp.add(data.attempt);
    else said.adopted.add(data.attempt);
  }
  return said;
}

/** Logs hold other lines too: those of crashes, and one that a kill cut off. */
function parseLine(line: string): unknown {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
