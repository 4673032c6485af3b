import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import { z } from 'zod';
import type { PoolSpec } from '../../../crds/pool.ts';
import { secretsOf } from '../../../crds/secrets.ts';

/** Where a worker finds secrets, `DIR/<name>/<key>`. */
export const secretsDirectory = '/var/run/trunkline/secrets';

/** Keys of Secrets by the Secret's name, both in order. */
export type SecretKeys = ReadonlyMap<string, readonly string[]>;

/** The keys that a declaration names. */
export function keysOf(spec: PoolSpec): SecretKeys {
  const refs = secretsOf(spec).map(({ ref }) => ref);
  if (spec.ledger !== undefined) refs.push(spec.ledger.secretRef);
  return inOrder(refs.map(({ name, key }) => [name, [key]]));
}

/** All of these together. */
export function joined(...all: readonly SecretKeys[]): SecretKeys {
  return inOrder(all.flatMap((keys) => [...keys]));
}

/** Whether some of `wanted` is not among `keys`. */
export function lacks(keys: SecretKeys, wanted: SecretKeys): boolean {
  return [...wanted].some(([name, some]) => some.some((key) => keys.get(name)?.includes(key) !== true));
}

function inOrder(entries: readonly (readonly [string, readonly string[]])[]): SecretKeys {
  const found = new Map<string, Set<string>>();
  for (const [name, keys] of entries) found.set(name, new Set([...(found.get(name) ?? []), ...keys]));
  return new Map([...found].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([name, set]) => [name, [...set].toSorted()]));
}

/**
 * A volume for each Secret, with no other keys than these. All are optional: a missing one stops its project and not the worker. None is mounted by subPath,
 * because the files of such a mount never change again.
 */
export function secretVolumes(keys: SecretKeys): { readonly volumes: V1Volume[]; readonly mounts: V1VolumeMount[] } {
  const secrets = [...keys];
  return {
    volumes: secrets.map(([secretName, some], index) => ({
      name: volumeName(index),
      secret: { secretName, optional: true, defaultMode: 0o440, items: some.map((key) => ({ key, path: key })) },
    })),
    mounts: secrets.map(([secretName], index) => ({
      name: volumeName(index),
      mountPath: `${secretsDirectory}/${secretName}`,
      readOnly: true,
    })),
  };
}

const volumeName = (index: number) => `secret-${index + 1}`;

const volume = z.looseObject({ name: z.string() });
const secretVolume = z.object({ secret: z.object({ secretName: z.string(), items: z.array(z.object({ key: z.string() })) }) });
const withVolumes = z.object({ spec: z.object({ template: z.object({ spec: z.object({ volumes: z.array(volume) }) }) }) });

/** The keys that pods of this Deployment have: none of one that is not there, or is none of ours. What hands have added is left out. */
export function mountedKeys(deployment: unknown): SecretKeys {
  const read = withVolumes.safeParse(deployment);
  if (!read.success) return new Map();
  return inOrder(
    read.data.spec.template.spec.volumes.flatMap((one) => {
      const ours = /^secret-\d+$/.test(one.name) ? secretVolume.safeParse(one) : undefined;
      return ours?.success === true ? [[ours.data.secret.secretName, ours.data.secret.items.map(({ key }) => key)] as const] : [];
    }),
  );
}
