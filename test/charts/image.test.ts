import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { fixedImage, imagePattern, ownImage, prefixesOf, repositoryOf } from '../../charts/image.ts';

const digest = `sha256:${'0a'.repeat(32)}`;

test('the image of this release is that of the package', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  expect(ownImage()).toBe(`trunkline:${z.object({ version: z.string() }).parse(JSON.parse(text)).version}`);
});

test.each([
  ['trunkline:0.1.0', 'trunkline'],
  ['registry.example.com:5000/voice/trunkline:0.1.0', 'registry.example.com:5000/voice/trunkline'],
  ['registry.example.com:5000/voice/trunkline', 'registry.example.com:5000/voice/trunkline'],
  [`voice/trunkline:1@${digest}`, 'voice/trunkline'],
  [`voice/trunkline@${digest}`, 'voice/trunkline'],
])('%s is of the repository %s', (image, repository) => {
  expect(repositoryOf(image)).toBe(repository);
});

describe('an image stays the same', () => {
  test.each(['trunkline:0.1.0', 'registry.example.com:5000/trunkline:1', `trunkline@${digest}`, `trunkline:latest@${digest}`])(
    '%s',
    (image) => {
      expect(fixedImage.safeParse(image).success).toBe(true);
    },
  );
  test.each([
    'trunkline',
    'trunkline:latest',
    'registry.example.com:5000/trunkline',
    'Trunkline:1',
    "a'b:1",
    'trunkline:1\n',
    'trunkline@sha256:0',
  ])('and not %j', (image) => {
    expect(fixedImage.safeParse(image).success).toBe(false);
  });
});

describe('images that pools may name', () => {
  test.each([
    { pattern: 'trunkline', image: 'trunkline:1', allowed: true },
    { pattern: 'trunkline', image: `trunkline@${digest}`, allowed: true },
    { pattern: 'trunkline', image: 'trunkline-of-others:1', allowed: false },
    { pattern: 'trunkline', image: 'trunkline/other:1', allowed: false },
    { pattern: 'trunkline', image: 'registry.example.com/trunkline:1', allowed: false },
    { pattern: 'trunkline', image: 'trunkline', allowed: false },
    { pattern: 'registry.example.com:5000/voice/', image: 'registry.example.com:5000/voice/sales/logic:3', allowed: true },
    { pattern: 'registry.example.com:5000/voice/', image: 'registry.example.com:5000/voices/logic:3', allowed: false },
  ])('$pattern and $image: $allowed', ({ pattern, image, allowed }) => {
    expect(imagePattern.safeParse(pattern).success).toBe(true);
    expect(prefixesOf(pattern).some((prefix) => image.startsWith(prefix))).toBe(allowed);
  });

  test.each(['trunkline:1', "x'", 'x\\', '', '/'])('are not declared by %j', (pattern) => {
    expect(imagePattern.safeParse(pattern).success).toBe(false);
  });
});
