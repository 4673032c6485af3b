import { type ManifestProblem, readManifest } from '../../crds/manifest.ts';
import type { PoolManifest } from '../../crds/pool.ts';
import { pathText } from '../../crds/rules.ts';
import { compilePolicy } from './compile.ts';
import type { Policy } from './policy.ts';
import type { PolicyProblem } from './problem.ts';

/** A manifest's text judged as a whole: YAML, schema, and whether the pool can work. */
export type CheckedManifest =
  | { readonly ok: true; readonly manifest: PoolManifest; readonly policy: Policy; readonly warnings: readonly ManifestProblem[] }
  | { readonly ok: false; readonly problems: readonly ManifestProblem[]; readonly warnings: readonly ManifestProblem[] };

/** Reads and compiles a manifest. `file` is what problems name; nothing is read from disk. */
export function checkManifest(text: string, file: string): CheckedManifest {
  const read = readManifest(text, file);
  if (!read.ok) return { ok: false, problems: read.problems, warnings: [] };
  const { policy, problems, warnings } = compilePolicy(read.manifest);
  const placed = (found: readonly PolicyProblem[]): readonly ManifestProblem[] =>
    found.map(({ path, message }) => {
      const { line, column } = read.locate(path) ?? { line: 1, column: 1 };
      return { file, line, column, path: pathText(path), message };
    });
  if (problems.length > 0) return { ok: false, problems: placed(problems), warnings: placed(warnings) };
  return { ok: true, manifest: read.manifest, policy, warnings: placed(warnings) };
}
