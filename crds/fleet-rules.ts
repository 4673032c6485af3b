import { quantityAmount } from './kubernetes.ts';
import type { PoolSpec } from './pool.ts';
import type { BrokenRule } from './rules.ts';
import type { ScalingSpec } from './scaling.ts';
import type { WorkersSpec } from './workers.ts';

/** Rules over several fields of workers and scaling. */

type Path = BrokenRule['path'];

export function workerRules({ workers }: PoolSpec): readonly BrokenRule[] {
  return [
    ...resourceRules(workers.resources),
    ...(workers.podTemplate?.tolerations ?? []).flatMap((one, t) => tolerationRules(one, ['workers', 'podTemplate', 'tolerations', t])),
  ];
}

function resourceRules({ requests, limits }: WorkersSpec['resources']): readonly BrokenRule[] {
  return (['cpu', 'memory'] as const).flatMap((resource) => {
    const limit = limits[resource];
    if (limit === undefined || quantityAmount(requests[resource]) <= quantityAmount(limit)) return [];
    return [{ path: ['workers', 'resources', 'requests', resource], message: `must not be more than limits.${resource} (${limit})` }];
  });
}

type Toleration = NonNullable<WorkersSpec['podTemplate']>['tolerations'][number];

/** What a pod with it would be refused for: said here, before there is a pod. */
function tolerationRules({ key, operator, value, effect, tolerationSeconds }: Toleration, at: Path): readonly BrokenRule[] {
  return [
    ...(key === undefined && operator === 'Equal'
      ? [{ path: [...at, 'operator'], message: 'must be Exists without a key: it is for every taint then' }]
      : []),
    ...(value !== undefined && operator === 'Exists' ? [{ path: [...at, 'value'], message: 'goes with operator Equal only' }] : []),
    ...(tolerationSeconds !== undefined && effect !== 'NoExecute'
      ? [{ path: [...at, 'tolerationSeconds'], message: 'goes with effect NoExecute only' }]
      : []),
  ];
}

export function scalingRules({ scaling }: PoolSpec): readonly BrokenRule[] {
  const { minReplicas, maxReplicas, schedules } = scaling;
  return [
    ...(minReplicas > maxReplicas
      ? [{ path: ['scaling', 'minReplicas'], message: `must not be more than maxReplicas (${maxReplicas})` }]
      : []),
    ...schedules.flatMap((one, s) => scheduleRules(one, ['scaling', 'schedules', s], scaling)),
  ];
}

function scheduleRules(one: ScalingSpec['schedules'][number], at: Path, { minReplicas, maxReplicas }: ScalingSpec): readonly BrokenRule[] {
  const { minReplicas: floor, maxReplicas: cap, start, end } = one;
  const broken: BrokenRule[] = [];
  if (start === end) broken.push({ path: [...at, 'end'], message: 'must not be start: write 00:00 and 24:00 for the whole day' });
  if (floor === undefined && cap === undefined)
    broken.push({ path: at, message: 'must have minReplicas, maxReplicas or both: without them it changes nothing' });
  if (floor !== undefined && cap !== undefined && floor > cap)
    broken.push({ path: [...at, 'minReplicas'], message: `must not be more than maxReplicas (${cap})` });
  if (floor !== undefined && floor > maxReplicas)
    broken.push({
      path: [...at, 'minReplicas'],
      message: `must not be more than scaling.maxReplicas (${maxReplicas}), which holds whatever a schedule says`,
    });
  if (cap !== undefined && cap < minReplicas)
    broken.push({
      path: [...at, 'maxReplicas'],
      message: `must not be less than scaling.minReplicas (${minReplicas}), which holds whatever a schedule says`,
    });
  return broken;
}
