import { chmod, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Mutant, mutate } from './mutant.ts';

/** A copy of the project in which mistakes can be made: everything but its history and what is installed, which is linked. */
export type Copy = {
  readonly directory: string;
  /** Runs something while the mistake is in the product. @throws PatchDoesNotFit */
  with<T>(mutant: Mutant, run: () => Promise<T>): Promise<T>;
  remove(): Promise<void>;
};

const leftOut: ReadonlySet<string> = new Set(['node_modules', '.git', '.trunkline']);

export async function copyProject(root: string): Promise<Copy> {
  // Not os.tmpdir(): PostgreSQL runs as another user when we are root, and must reach what the tests make of it.
  const directory = await mkdtemp('/tmp/trunkline-mutants-');
  await chmod(directory, 0o711);
  await cp(root, directory, { recursive: true, filter: (source) => source === root || !leftOut.has(basename(source)) });
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  return {
    directory,
    async with(mutant, run) {
      const file = join(directory, mutant.file);
      const text = await readFile(file, 'utf8');
      await writeFile(file, mutate(mutant, text));
      try {
        return await run();
      } finally {
        await writeFile(file, text);
      }
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
