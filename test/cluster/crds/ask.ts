import { CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';

/** What an API server says of a manifest. */
export type Answer =
  | { readonly taken: true; readonly stored: unknown }
  | { readonly taken: false; readonly message: string; readonly blamed: readonly string[] };

const refusal = z.object({
  message: z.string(),
  details: z.object({ causes: z.array(z.object({ field: z.string().default('') })).default([]) }).default({ causes: [] }),
});

/** Asks by a dry run, which checks everything and stores nothing, in this namespace whatever the manifest names. */
export async function askServer(config: KubeConfig, namespace: string, manifest: unknown): Promise<Answer> {
  const body = z.record(z.string(), z.unknown()).parse(manifest);
  const metadata = z.record(z.string(), z.unknown()).safeParse(body['metadata']);
  const placed = metadata.success ? { ...body, metadata: { ...metadata.data, namespace } } : body;
  const at = { group: 'trunkline.dev', version: 'v1alpha1', plural: 'voicecapacitypools', namespace };
  try {
    const stored: unknown = await config
      .makeApiClient(CustomObjectsApi)
      .createNamespacedCustomObject({ ...at, body: placed, dryRun: 'All', fieldValidation: 'Strict' });
    return { taken: true, stored };
  } catch (error) {
    const { message, details } = refusal.parse(JSON.parse(z.object({ body: z.string() }).parse(error).body));
    return { taken: false, message, blamed: details.causes.map(({ field }) => field) };
  }
}
