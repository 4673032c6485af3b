import type { ClassPolicy, Direction, Policy } from '../../capacity/policy/policy.ts';
import type { Labels } from '../../crds/values.ts';

type Asked = { readonly class?: string; readonly direction: Direction; readonly labels: Labels; readonly project?: string };

export function classForSession(policy: Policy, asked: Asked): ClassPolicy | { readonly field: string; readonly message: string } {
  if (asked.class !== undefined) {
    const named = policy.classes.find(({ name }) => name === asked.class);
    if (named === undefined)
      return {
        field: 'class',
        message: `no class of this pool has this name: use one of ${policy.classes.map(({ name }) => name).join(', ')}`,
      };
    if (named.direction !== 'Any' && named.direction !== asked.direction)
      return { field: 'class', message: `class ${named.name} is ${named.direction} only` };
    return named;
  }
  const fitting = policy.classes.find(
    (one) =>
      (one.direction === 'Any' || one.direction === asked.direction) &&
      Object.entries(one.match.labels).every(([key, value]) => asked.labels[key] === value),
  );
  return fitting ?? { field: 'class', message: 'no class takes this session: name one' };
}
