import { z } from 'zod';
import type { Api } from './api.ts';
import { type Owner, ownedFieldsDiffer } from './owned-fields.ts';

/** An object as it is applied: everything that we want of it, and nothing else. */
export type Manifest = Readonly<Record<string, unknown>> & { readonly apiVersion: string; readonly kind: string };

export type Applied = { readonly changed: 'nothing' } | { readonly changed: 'applied'; readonly object: unknown };

/**
 * Makes the object at this path be as wanted, by server-side apply; no request when it is already. With `force` conflicts are taken over: what we
 * apply is ours, and a hand that changed it is undone. `live` is the object as last seen with its managedFields, undefined when there is none. Where it is
 * gone meanwhile (409), or another has its name (422), the server refuses: who looked at the one does not write into the other.
 */
export async function applyObject(
  api: Api,
  path: string,
  {
    desired,
    live,
    owner,
    force = true,
  }: { readonly desired: Manifest; readonly live: unknown; readonly owner: Owner; readonly force?: boolean },
  signal: AbortSignal,
): Promise<Applied> {
  if (live !== undefined && !ownedFieldsDiffer(desired, live, owner)) return { changed: 'nothing' };
  const object = await api.request(
    {
      method: 'PATCH',
      path: owner.subresource === '' ? path : `${path}/${owner.subresource}`,
      query: { fieldManager: owner.manager, force: `${force}` },
      contentType: 'application/apply-patch+yaml', // JSON is YAML
      body: live === undefined ? desired : { ...desired, metadata: { ...metadataOf(desired), uid: metadataOf(live).uid } },
    },
    signal,
  );
  return { changed: 'applied', object };
}

const withMetadata = z.object({ metadata: z.looseObject({ uid: z.string().optional() }) });

function metadataOf(object: unknown): z.infer<typeof withMetadata>['metadata'] {
  return withMetadata.parse(object).metadata;
}
