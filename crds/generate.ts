import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { definitionYaml } from './definition.ts';

/** Writes the definition for API servers, `crds/generated/voicecapacitypools.yaml`. With `--check` it writes nothing and exits 1 when the file is stale. */

const folder = new URL('generated/', import.meta.url);
const file = new URL('voicecapacitypools.yaml', folder);
const fresh = definitionYaml();

if (!process.argv.includes('--check')) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, fresh);
} else if (readFileSync(file, 'utf8') !== fresh) {
  process.stderr.write('crds/generated/voicecapacitypools.yaml is stale: run `npm run generate`\n');
  process.exitCode = 1;
}
