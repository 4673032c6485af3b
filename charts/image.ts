import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Names of images: `[registry/]repository:tag`, or `…@digest`. */

const packageFile = z.object({ version: z.string() });

/** The image of this release. */
export function ownImage(): string {
  const { version } = packageFile.parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')));
  return `trunkline:${version}`;
}

/** Without tag and digest. The port of a registry looks like a tag, and stands before a slash. */
export function repositoryOf(image: string): string {
  return image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}

/** An image that stays the same: it has a tag that is not `latest`, or a digest. */
export const fixedImage = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[a-z0-9][\w./:-]*(@sha256:[0-9a-f]{64})?$/, 'must be an image such as registry.example.com/trunkline:1.2.0')
  .refine((image) => image.includes('@') || (repositoryOf(image) !== image && !image.endsWith(':latest')), {
    message: 'must name a tag other than latest, or a digest: what runs would change by itself',
  });

/** Images that are allowed: one repository, or with a slash at the end everything below it. */
export const imagePattern = z
  .string()
  .min(1)
  .max(512)
  .regex(
    /^[a-z0-9][\w./-]*(:\d+\/[\w./-]+)?$/,
    'must be a repository without a tag, such as registry.example.com/voice/trunkline, or a folder that ends in /',
  );

/** How names of the images begin that a pattern allows. `voice` allows voice:1 and not voice-of-others:1. */
export function prefixesOf(pattern: string): readonly string[] {
  return pattern.endsWith('/') ? [pattern] : [`${pattern}:`, `${pattern}@`];
}
