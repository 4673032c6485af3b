import { expect, test, vi } from 'vitest';
import { startCommand } from '../support/command.ts';

/** A role as the entry point starts it, which does this while it loads. */
function loading(more: string) {
  const program = `
    import { leaveWhileLoading } from '${new URL('../../roles/leaving.ts', import.meta.url).href}';
    leaveWhileLoading();
    ${more}
    process.stdout.write('loading');
    setTimeout(() => process.exit(1), 20_000);`;
  return startCommand(['--input-type=module', '--eval', program]);
}

test.each([
  { what: 'ends a role that has not listened yet, by itself and not by the signal', more: '', code: 143 },
  { what: 'is left to the role once it listens', more: `process.once('SIGTERM', () => process.exit(7));`, code: 7 },
  { what: 'is not left to whoever listens for something else', more: `process.once('SIGINT', () => process.exit(7));`, code: 143 },
])('SIGTERM $what', async ({ more, code }) => {
  const role = loading(more);
  await vi.waitFor(() => expect(role.out()).toBe('loading'), { timeout: 20_000 });
  role.child.kill('SIGTERM');
  expect(await role.ended).toBe(code);
});
