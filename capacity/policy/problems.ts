import type { ClassSpec, Fallback } from '../../crds/classes.ts';
import type { PoolSpec } from '../../crds/pool.ts';
import { ambiguousMatches } from './ambiguity.ts';
import { judgeDestination } from './destinations.ts';
import { placedProjects, reachProblems, usableSubscriptions } from './eligibility.ts';
import { unplaceableReservations } from './placeability.ts';
import type { Policy } from './policy.ts';
import { listed, type PolicyProblem } from './problem.ts';

/**
 * What cannot work in a declaration whose fields are sound each for itself: assistants, numbers, selectors, reservations that no project can hold.
 * Rules that need the fields alone are in `crds/rules.ts`.
 */
export function findProblems(spec: PoolSpec, policy: Policy): readonly PolicyProblem[] {
  const projects = placedProjects(spec);
  return [
    ...webhookProblems(spec),
    ...spec.classes.flatMap((one, c) => [
      ...reachProblems(one, c, projects),
      ...reserveProblems(one, c, policy),
      ...transferProblems(one, c, policy.destinations.allow),
    ]),
    ...unplaceableReservations(spec, policy),
    ...ambiguousMatches(spec, policy),
  ];
}

function webhookProblems(spec: PoolSpec): readonly PolicyProblem[] {
  if (spec.publicUrl === undefined) return [];
  return placedProjects(spec).flatMap(({ project, path }) =>
    project.webhookSecretRef === undefined
      ? [
          {
            path: [...path, 'webhookSecretRef'],
            message: `is missing: with publicUrl set, webhooks of project ${project.name} arrive and are refused unless they can be verified (webhookAuth ${project.webhookAuth.type})`,
          },
        ]
      : [],
  );
}

function reserveProblems(spec: ClassSpec, index: number, policy: Policy): readonly PolicyProblem[] {
  const one = policy.classes.find(({ name }) => name === spec.name);
  if (one === undefined) return [];
  const at = ['spec', 'classes', index];
  const usable = usableSubscriptions(one, policy);
  if (usable.length === 0) return [];
  if (one.direction !== 'Outbound' && one.reserved > 0 && usable.length > 1) {
    return [
      {
        path: [...at, 'reserved'],
        message: `calls arrive at a number and cannot be moved to another subscription, and this class runs in ${listed(usable)}: say with reservedAt how many slots are kept in each`,
      },
    ];
  }
  return [...(one.reservedAt ?? [])].flatMap(([subscription, slots]) =>
    slots === 0 || usable.includes(subscription)
      ? []
      : [
          {
            path: [...at, 'reservedAt', subscription],
            message: `class ${one.name} cannot run in subscription ${subscription}: it has no project with assistant ${one.assistant} and a number for it; it can run in ${listed(usable)}`,
          },
        ],
  );
}

function transferProblems(spec: ClassSpec, index: number, allow: readonly string[]): readonly PolicyProblem[] {
  const at = ['spec', 'classes', index];
  return [
    ...spec.overflow.flatMap((step, o) => transferProblem(step, [...at, 'overflow', o], allow)),
    ...(spec.whenUnavailable === undefined ? [] : transferProblem(spec.whenUnavailable, [...at, 'whenUnavailable'], allow)),
  ];
}

function transferProblem(step: Fallback, at: PolicyProblem['path'], allow: readonly string[]): readonly PolicyProblem[] {
  if (!('transfer' in step)) return [];
  const path = [...at, 'transfer', 'number'];
  switch (judgeDestination(step.transfer.number, allow)) {
    case 'allowed':
      return [];
    case 'invalid':
      return [{ path, message: 'is not a number that its country assigns, or an emergency number: calls are never sent there' }];
    case 'premium':
      return [{ path, message: 'is a premium-rate number: calls are never sent there, whatever destinations.allow says' }];
    case 'not-allowed':
      return [
        {
          path,
          message: `is outside destinations.allow (${allow.length === 0 ? 'nothing' : allow.join(', ')}): add its country or prefix there, or choose another number`,
        },
      ];
  }
}
