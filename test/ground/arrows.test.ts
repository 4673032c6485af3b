import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readSources, wrongArrows } from '../support/arrows.ts';

describe('imports', () => {
  test('of this project point one way', () => {
    expect(wrongArrows(readSources(fileURLToPath(new URL('../..', import.meta.url))))).toEqual([]);
  });

  test('are all seen', () => {
    const sources = readSources(fileURLToPath(new URL('../..', import.meta.url)));
    const up = sources.find(({ path }) => path === 'standalone/up.ts');
    expect(up?.imports).toContainEqual({ to: 'ledger/migrate.ts', typeOnly: false });
    expect(up?.imports).toContainEqual({ to: 'standalone/screen.ts', typeOnly: true });
    const commands = sources.find(({ path }) => path === 'cli/commands.ts');
    expect(commands?.imports).toContainEqual({ to: 'cli/up.ts', typeOnly: false });
  });

  test.each([
    ['policy may not read a file', 'capacity/rates/gcra.ts', 'node:fs', /capacity\/ is pure/],
    ['policy may not use the network', 'capacity/rates/gcra.ts', 'pg', /capacity\/ is pure/],
    ['policy may describe data', 'capacity/rates/gcra.ts', 'zod', undefined],
    ['policy knows the declaration', 'capacity/policy/compile.ts', 'crds/pool.ts', undefined],
    ['policy does not know the ledger', 'capacity/policy/compile.ts', 'ledger/policy.ts', /capacity\/ may import only/],
    ['the declaration knows nobody', 'crds/pool.ts', 'capacity/view.ts', /crds\/ may import only/],
    ['the ledger does not know the workers', 'ledger/policy.ts', 'workers/main.ts', /ledger\/ may import only/],
    ['providers do not know the ledger', 'providers/vapi/client.ts', 'ledger/policy.ts', /providers\/ may import only/],
    ['the simulator does not know our client', 'simulator/main.ts', 'providers/vapi/client.ts', /simulator\/ may import only/],
    ['the supervisor knows the simulator by its contract', 'standalone/simulator.ts', 'simulator/contract.ts', undefined],
    ['and by nothing else of it', 'standalone/simulator.ts', 'simulator/main.ts', /standalone\/ may import only/],
    ['nothing imports tests', 'workers/main.ts', 'test/support/ledger.ts', /workers\/ may import only/],
    ['nothing imports benchmarks', 'workers/main.ts', 'bench/main.ts', /workers\/ may import only/],
  ])('%s', (_, from, to, complaint) => {
    const [found, ...others] = wrongArrows([{ path: from, imports: [{ to, typeOnly: false }] }]);
    expect(others).toEqual([]);
    if (complaint === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(complaint);
  });

  test('run in no circle, types aside', () => {
    const circle = (typeOnly: boolean) => [
      { path: 'ledger/a.ts', imports: [{ to: 'ledger/b.ts', typeOnly: false }] },
      { path: 'ledger/b.ts', imports: [{ to: 'ledger/c.ts', typeOnly: false }] },
      { path: 'ledger/c.ts', imports: [{ to: 'ledger/a.ts', typeOnly }] },
    ];
    expect(wrongArrows(circle(true))).toEqual([]);
    expect(wrongArrows(circle(false))).toEqual(['imports run in a circle: ledger/a.ts → ledger/b.ts → ledger/c.ts → ledger/a.ts']);
  });
});
