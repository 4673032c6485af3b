import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { PoolSpec } from '../../../crds/pool.ts';
import { secretsOf } from '../../../crds/secrets.ts';

/** Where a worker finds secrets, `DIR/<name>/<key>`. */
export const secretsDirectory = '/var/run/trunkline/secrets';

/** The keys that are read of each Secret, in order of their names. */
function keysBySecret(spec: PoolSpec): ReadonlyMap<string, readonly string[]> {
  const refs = secretsOf(spec).map(({ ref }) => ref);
  if (spec.ledger !== undefined) refs.push(spec.ledger.secretRef);
  const keys = new Map<string, Set<string>>();
  for (const { name, key } of refs) keys.set(name, (keys.get(name) ?? new Set()).add(key));
  return new Map([...keys].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([name, set]) => [name, [...set].toSorted()]));
}

/**
 * A volume for each Secret, with no other keys than those that the pool names. All are optional: a missing one stops its project and not the worker. None is
 * mounted by subPath, because the files of such a mount never change again.
 */
export function secretVolumes(spec: PoolSpec): { readonly volumes: V1Volume[]; readonly mounts: V1VolumeMount[] } {
  const secrets = [...keysBySecret(spec)];
  return {
    volumes: secrets.map(([secretName, keys], index) => ({
      name: `secret-${index + 1}`,
      secret: { secretName, optional: true, defaultMode: 0o440, items: keys.map((key) => ({ key, path: key })) },
    })),
    mounts: secrets.map(([secretName], index) => ({
      name: `secret-${index + 1}`,
      mountPath: `${secretsDirectory}/${secretName}`,
      readOnly: true,
    })),
  };
}
