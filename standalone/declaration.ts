import { readFile, stat } from 'node:fs/promises';
import { checkManifest } from '../capacity/policy/check.ts';
import type { Policy } from '../capacity/policy/policy.ts';
import { type ManifestProblem, maxManifestBytes } from '../crds/manifest.ts';
import type { PoolManifest } from '../crds/pool.ts';

/** The manifest cannot be read or says something that cannot work; the message has a line for each problem, with file, line and column. */
export class PoolRefused extends Error {
  override readonly name = 'PoolRefused';
}

/** A pool's manifest and what it means. */
export type Declaration = { readonly manifest: PoolManifest; readonly policy: Policy; readonly warnings: readonly Warning[] };

/** Something that may surprise, and the field it is about. */
export type Warning = { readonly path: string; readonly text: string };

/** Reads, checks and compiles a manifest. @throws PoolRefused */
export async function readDeclaration(file: string): Promise<Declaration> {
  const { size } = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new PoolRefused(`cannot read ${file}: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`);
  });
  if (size > maxManifestBytes) throw new PoolRefused(`${file} is larger than ${maxManifestBytes / 1024} KiB: a pool is not that long`);
  const checked = checkManifest(await readFile(file, 'utf8'), file);
  if (!checked.ok) throw new PoolRefused(`the pool is refused:\n${checked.problems.map(inOneLine).join('\n')}`);
  return {
    manifest: checked.manifest,
    policy: checked.policy,
    warnings: checked.warnings.map((warning) => ({ path: warning.path, text: inOneLine(warning) })),
  };
}

function inOneLine({ file, line, column, path, message }: ManifestProblem): string {
  return `${file}:${line}:${column} ${path === '' ? '' : `${path} `}${message}`;
}

/** Projects whose webhooks nobody could verify, and which are therefore refused: no secret is declared for them. */
export function unverifiableProjects({ policy }: Declaration): readonly string[] {
  return policy.projects.filter((project) => project.webhookSecret === undefined).map((project) => project.name);
}
