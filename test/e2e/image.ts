import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Builds the image of the Dockerfile and gives it to the cluster, by the first way that there is here. */

const root = fileURLToPath(new URL('../..', import.meta.url));

/** No way to build an image and load it. */
export class NoWay extends Error {
  override readonly name = 'NoWay';
}

type Way = { readonly name: string; readonly isThere: () => boolean; readonly load: (image: string) => Promise<void> };

const ways: readonly Way[] = [
  {
    // A program of one's own: NAME FOLDER are its arguments, and it builds the Dockerfile in FOLDER.
    name: 'TRUNKLINE_LOAD_IMAGE',
    isThere: () => (process.env['TRUNKLINE_LOAD_IMAGE'] ?? '') !== '',
    load: (image) => program(process.env['TRUNKLINE_LOAD_IMAGE'] ?? '', [image, root]),
  },
  { name: 'docker and kind', isThere: () => answers('docker') && answers('kind'), load: byKind },
  {
    name: 'a cluster beside the project',
    isThere: () => existsSync(beside),
    load: (image) => program(beside, [image, root]),
  },
];

const beside = join(root, '../shared/cluster/load-image');

export async function loadImage(image: string, say: (line: string) => void): Promise<void> {
  const way = ways.find(({ isThere }) => isThere());
  if (way === undefined)
    throw new NoWay(
      `no way to build and load an image: install docker and kind, or set TRUNKLINE_LOAD_IMAGE to a program that takes NAME FOLDER`,
    );
  say(`building ${image} and loading it by ${way.name}`);
  await way.load(image);
}

/** By an archive, which kind takes whatever store of images docker has. */
async function byKind(image: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'trunkline-image-'));
  const archive = join(directory, 'image.tar');
  try {
    await program('docker', ['build', '--tag', image, root]);
    await program('docker', ['save', '--output', archive, image]);
    await program('kind', ['load', 'image-archive', archive, '--name', process.env['KIND_CLUSTER_NAME'] ?? 'trunkline']);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const answers = (command: string): boolean => spawnSync(command, ['version'], { stdio: 'ignore' }).status === 0;

async function program(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, [...args], { stdio: ['ignore', 2, 2] });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`);
}
