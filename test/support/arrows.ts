import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/**
 * Imports point one way (docs/architecture.md), and this finds those that do not. It reads import statements as text: the sources are TypeScript that
 * runs as it is, so every relative import names a file.
 */

/** What each part may import beside itself. `simulator/contract.ts` is what the supervisor and the simulator say to each other. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  crds: [],
  capacity: ['crds'],
  ledger: ['capacity', 'crds'],
  providers: ['capacity', 'crds'],
  workers: ['ledger', 'providers', 'capacity', 'crds'],
  simulator: ['capacity', 'crds'],
  operator: ['ledger', 'providers', 'capacity', 'crds'],
  standalone: ['ledger', 'providers', 'capacity', 'crds', 'simulator/contract.ts'],
  charts: ['capacity', 'crds'],
  kind: ['charts', 'capacity', 'crds'],
  roles: ['operator', 'standalone', 'simulator', 'workers', 'ledger', 'providers', 'capacity', 'crds'],
  cli: ['operator', 'standalone', 'ledger', 'providers', 'capacity', 'crds', 'simulator/contract.ts'],
};

/** Parts that decide and do nothing else: no module of the platform, and only packages that parse or describe data. */
const pureParts = ['crds', 'capacity'];
const purePackages = ['zod', 'yaml', 'libphonenumber-js'];
/** Programs that lie in a pure part because they write what is generated from it. Nothing imports them. */
const generators = ['crds/reference.ts', 'crds/generate.ts'];

export type Import = { readonly to: string; readonly typeOnly: boolean };
export type SourceFile = { readonly path: string; readonly imports: readonly Import[] };

/** The sources of every part under `root`, with what they import: paths from the root, or names of packages. */
export function readSources(root: string): readonly SourceFile[] {
  return Object.keys(mayImport).flatMap((part) =>
    sourceFiles(join(root, part)).map((file) => ({ path: slashed(relative(root, file)), imports: importsOf(file, root) })),
  );
}

/** Every import that points the wrong way, and every circle, as a sentence each. */
export function wrongArrows(sources: readonly SourceFile[]): readonly string[] {
  return [...sources.flatMap((source) => source.imports.flatMap(({ to }) => judge(source.path, to))), ...circles(sources)];
}

function judge(from: string, to: string): readonly string[] {
  const part = from.split('/')[0] ?? '';
  if (generators.includes(to)) return [`${from} imports ${to}, which is a program`];
  if (generators.includes(from)) return [];
  if (!to.includes('/') || to.startsWith('node:') || to.startsWith('@') || !/\.(ts|mjs|json)$/.test(to)) {
    if (!pureParts.includes(part) || purePackages.some((name) => to === name || to.startsWith(`${name}/`))) return [];
    return [`${from} imports ${to}: ${part}/ is pure and may use only ${purePackages.join(', ')}`];
  }
  const target = to.split('/')[0] ?? '';
  if (target === part) return [];
  const allowed = mayImport[part] ?? [];
  if (allowed.includes(target) || allowed.includes(to)) return [];
  return [`${from} imports ${to}: ${part}/ may import only from ${[part, ...allowed].join(', ')}`];
}

/** Circles of imports, each named by the files that it runs through. Types alone make none: they are gone when the program runs. */
function circles(sources: readonly SourceFile[]): readonly string[] {
  const imports = new Map(sources.map(({ path, imports: all }) => [path, all.filter((one) => !one.typeOnly).map((one) => one.to)]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      found.push(`imports run in a circle: ${[...trail.slice(at), path].join(' → ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const source of sources) visit(source.path, []);
  return found;
}

function importsOf(file: string, root: string): readonly Import[] {
  const text = readFileSync(file, 'utf8');
  const statements = text.matchAll(/^(?:import|export)\b( type\b)?[^'";]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm);
  return [...statements].map(([, type, from, bare, dynamic]) => ({
    to: named(from ?? bare ?? dynamic ?? '', file, root),
    typeOnly: type !== undefined,
  }));
}

function named(target: string, file: string, root: string): string {
  return target.startsWith('.') ? slashed(relative(root, resolve(dirname(file), target))) : target;
}

function sourceFiles(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function slashed(path: string): string {
  return path.split(sep).join('/');
}
