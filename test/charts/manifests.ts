import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { type SynthOptions, synthesise } from '../../charts/synth.ts';

/** What was synthesised, as a cluster would read it. */

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
});
export type Manifest = z.infer<typeof manifest>;

export function manifestsOf(text: string): readonly Manifest[] {
  return parseAllDocuments(text, { version: '1.1' }).map((document) => {
    if (document.errors.length > 0) throw new Error(`no YAML: ${document.errors.join('; ')}`);
    return manifest.parse(document.toJS());
  });
}

/** Every object, of one folder or of all. */
export function synthesised(options: SynthOptions = {}, folder = ''): readonly Manifest[] {
  return synthesise(options)
    .filter(({ path }) => path.startsWith(folder))
    .flatMap(({ text }) => manifestsOf(text));
}

/** Those of a kind. */
export function ofKind(manifests: readonly Manifest[], kind: string): readonly Manifest[] {
  return manifests.filter((one) => one.kind === kind);
}
