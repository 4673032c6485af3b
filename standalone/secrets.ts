import { randomBytes } from 'node:crypto';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PoolSpec } from '../crds/pool.ts';
import { secretsOf } from '../crds/secrets.ts';
import type { SecretRef } from '../crds/values.ts';

/**
 * The files that a pool's secrets lie in: `DIR/<secret name>/<key>`, the way Kubernetes mounts them.
 */

/** Secret files that the pool names and that are not there. */
export class SecretsMissing extends Error {
  override readonly name = 'SecretsMissing';
}

/** Where a secret lies. */
export function secretFile(directory: string, ref: SecretRef): string {
  return join(directory, ref.name, ref.key);
}

/** @throws SecretsMissing naming every file that is not there and the field that asks for it */
export async function requireSecrets(spec: PoolSpec, directory: string): Promise<void> {
  const missing: string[] = [];
  for (const { field, ref } of secretsOf(spec)) {
    const file = secretFile(directory, ref);
    if (!(await isThere(file))) missing.push(`  ${file}   (${field})`);
  }
  if (missing.length > 0) throw new SecretsMissing(`these secret files are missing; write one value into each:\n${missing.join('\n')}`);
}

/** Makes up every secret that is not there yet; for the simulated provider, which takes whatever is in the files. */
export async function inventSecrets(spec: PoolSpec, directory: string): Promise<void> {
  for (const { ref } of secretsOf(spec)) {
    const file = secretFile(directory, ref);
    if (await isThere(file)) continue;
    await mkdir(join(directory, ref.name), { recursive: true, mode: 0o700 });
    await writeFile(file, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  }
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
