import { leaveWhileLoading } from './leaving.ts';

/**
 * What a container of this image is, by its first argument. Each role is a program of its own, loaded only when it is asked for, and told everything else
 * by environment (docs/image.md).
 */
const roles: Readonly<Record<string, URL>> = {
  operator: new URL('../operator/main.ts', import.meta.url),
  worker: new URL('../workers/main.ts', import.meta.url),
  simulator: new URL('./simulator.ts', import.meta.url),
  ledger: new URL('./ledger.ts', import.meta.url),
  migrate: new URL('./migrate.ts', import.meta.url),
};

/** EX_USAGE of sysexits: a container that is started wrongly is started wrongly again. */
const usage = 64;

const [asked] = process.argv.slice(2);
const role = asked === undefined || !Object.hasOwn(roles, asked) ? undefined : roles[asked];
if (role === undefined) {
  const said = asked === undefined ? 'no role is given' : `"${asked}" is no role`;
  process.stderr.write(`trunkline: ${said}. The first argument is one of ${Object.keys(roles).join(', ')}.\n`);
  process.exitCode = usage;
} else {
  leaveWhileLoading();
  await import(role.href);
}
