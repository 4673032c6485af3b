import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/**
 * `npm run prepack`: writes `build/`, the sources as JavaScript with declarations, for where Node strips no types: under `node_modules`. A clone runs its
 * sources as they are and needs none of this.
 */

const root = fileURLToPath(new URL('..', import.meta.url));
const build = join(root, 'build');

/** What belongs to the program; `package/tsconfig.json` names the same folders. */
const tsconfig = z.object({ include: z.array(z.string()) });
const parts = tsconfig
  .parse(JSON.parse(readFileSync(join(root, 'package', 'tsconfig.json'), 'utf8')))
  .include.map((folder) => folder.replace('../', ''))
  .filter((folder) => existsSync(join(root, folder)));

rmSync(build, { recursive: true, force: true });
emit();
for (const part of parts) {
  cpSync(join(root, part), join(build, part), { recursive: true, filter: (file) => extname(file) !== '.ts' });
}
cpSync(join(root, 'package.json'), join(build, 'package.json'));
for (const file of readdirSync(build, { recursive: true, encoding: 'utf8' })) {
  if (extname(file) === '.js') nameEmitted(join(build, file));
}

function emit(): void {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'package', 'tsconfig.json')], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the sources do not compile: run "npm run check"');
}

/** The compiler gives imports the names of what it emits; programs and threads that are started by URL are text to it. */
function nameEmitted(file: string): void {
  const text = readFileSync(file, 'utf8');
  const named = text
    .replaceAll(/(new URL\((['"`])\.{1,2}\/[^'"`]*?)\.ts(\2)/g, '$1.js$3')
    .replaceAll(/^(\s+'\.{1,2}\/[^'"`]*?)\.ts(',)$/gm, '$1.js$2');
  if (named !== text) writeFileSync(file, named);
}
