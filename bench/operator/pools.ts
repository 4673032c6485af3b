import { type PoolManifest, poolManifest } from '../../crds/pool.ts';
import { poolKeyOf } from '../../crds/values.ts';
import { planChildren } from '../../operator/pool/plan/children.ts';
import { childKinds, placeOf } from '../../operator/pool/resources.ts';
import type { Api } from '../../operator/runtime/api.ts';
import { applyObject, type Manifest } from '../../operator/runtime/apply.ts';
import { listPath } from '../../operator/runtime/resource.ts';

/** A thousand pools, and the objects that their fleets consist of. */

export const namespace = 'bench';
export const bareNamespace = 'bare';
export const image = 'trunkline:bench';

/** A pool of a team: two projects, two classes, resources in words that the API server writes otherwise. Accounts are its own. */
export function aPool(index: number): PoolManifest {
  const name = `pool-${index}`;
  return poolManifest.parse({
    apiVersion: 'trunkline.dev/v1alpha1',
    kind: 'VoiceCapacityPool',
    metadata: { name, namespace },
    spec: {
      ledger: { secretRef: { name: 'ledger', key: 'url' } },
      subscriptions: [
        {
          name: 'main',
          accountId: `account-${index}`,
          concurrencyLimit: 40,
          projects: ['north', 'south'].map((project, at) => ({
            name: project,
            apiKeySecretRef: { name: `vapi-${project}`, key: 'apiKey' },
            assistants: [{ name: 'seller', id: `assistant-${project}` }],
            phoneNumbers: [{ id: `number-${project}`, number: `+1415555010${at}`, labels: { use: 'sales' } }],
          })),
        },
      ],
      classes: ['first', 'second'].map((each, at) => ({
        name: each,
        priority: 100 - at,
        direction: 'Outbound',
        assistant: 'seller',
        from: { matchLabels: { use: 'sales' } },
      })),
      workers: { resources: { requests: { cpu: '1000m', memory: '1024Mi' }, limits: { memory: '1024Mi' } } },
    },
  });
}

/** Of every pool: what `minReplicas` is by itself, as nobody calls. */
export const workersPerPool = 2;

/** What the operator makes of a pool, in another namespace and owned by nobody. */
export function bareChildren({ metadata: { name }, spec }: PoolManifest): readonly Manifest[] {
  const pool = { name, namespace: bareNamespace, uid: undefined };
  const children = planChildren({ pool, spec, poolKey: poolKeyOf('bench', bareNamespace, name), image, replicas: workersPerPool });
  return children.map((child) => ({ ...child }));
}

/** As many requests under way as the operator has. */
const atOnce = 8;

/** Applies objects one by one, with nothing around it. Seconds that it took. */
export async function applyAll(
  api: Api,
  objects: readonly Manifest[],
  pathOf: (object: Manifest) => string,
  signal: AbortSignal,
): Promise<number> {
  const startedMs = performance.now();
  const waiting = [...objects];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let desired = waiting.pop(); desired !== undefined; desired = waiting.pop()) {
        await applyObject(api, pathOf(desired), { desired, live: undefined, owner: { manager: 'bench', subresource: '' } }, signal);
      }
    }),
  );
  return (performance.now() - startedMs) / 1_000;
}

export const childPath = (object: Manifest): string => placeOf(object).path;

/** Where the objects of the operator's fleets are listed. */
export const childLists: readonly string[] = Object.values(childKinds).map((kind) => listPath(kind, namespace));
