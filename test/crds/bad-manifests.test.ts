import { describe, expect, test } from 'vitest';
import { checkManifest } from '../../capacity/policy/check.ts';
import { badManifests } from './bad-manifests.ts';
import { poolWith } from './pools.ts';

describe.each(badManifests)('a manifest is refused for $what ($tier):', ({ rows }) => {
  test.each(rows)('%s', (_what, changes, path, message) => {
    const checked = checkManifest(poolWith(changes), 'pool.yaml');
    expect(checked.ok ? [] : checked.problems).toContainEqual(
      expect.objectContaining({
        file: 'pool.yaml',
        path,
        message: expect.stringMatching(message instanceof RegExp ? message : literally(message)),
      }),
    );
  });

  test.each(rows)('%s, and for nothing else', (_what, changes) => {
    const checked = checkManifest(poolWith(changes), 'pool.yaml');
    expect(checked.ok ? [] : checked.problems.map(({ path }) => path)).toHaveLength(1);
  });
});

test('no message repeats a phone number of the pool', () => {
  for (const [, changes] of badManifests.flatMap(({ rows }) => rows)) {
    const checked = checkManifest(poolWith(changes), 'pool.yaml');
    const messages = checked.ok ? [] : checked.problems.map(({ message }) => message.replace('such as +14155550100', ''));
    for (const message of messages) expect(message).not.toMatch(/\d{7}/);
  }
});

function literally(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
}
