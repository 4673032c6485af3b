import type { ClassSpec } from '../../crds/classes.ts';
import type { PoolSpec } from '../../crds/pool.ts';
import type { Labels } from '../../crds/values.ts';
import { answersAt } from './eligibility.ts';
import type { Policy } from './policy.ts';
import type { PolicyProblem } from './problem.ts';

/**
 * A call that arrives belongs to the class that describes it most closely (../matching.ts): a dialled number named beats any number, a longer caller
 * prefix beats a shorter one, more labels beat fewer; then priority decides. Where all that leaves two classes, the call's class would depend on the
 * order in the file, so the second one is refused.
 */
export function ambiguousMatches(spec: PoolSpec, policy: Policy): readonly PolicyProblem[] {
  return spec.classes.flatMap((later, index) => {
    const earlier = spec.classes.slice(0, index).find((one) => one.priority === later.priority && collide(one, later, policy));
    if (earlier === undefined) return [];
    return [
      {
        path: ['spec', 'classes', index, 'match'],
        message: `takes the same calls as class ${earlier.name} at the same priority: change a priority, or match other dialled numbers, callers or labels`,
      },
    ];
  });
}

function collide(one: ClassSpec, other: ClassSpec, policy: Policy): boolean {
  if (one.direction === 'Outbound' || other.direction === 'Outbound') return false;
  if (one.match.dialled.length > 0 !== other.match.dialled.length > 0) return false;
  return (
    commonNumber(one, other, policy) &&
    commonCaller(one.match.callers, other.match.callers) &&
    commonLabels(one.match.labels, other.match.labels)
  );
}

function commonNumber(one: ClassSpec, other: ClassSpec, policy: Policy): boolean {
  const shared = new Set(eligibleFor(one, policy).filter((project) => eligibleFor(other, policy).includes(project)));
  return policy.projects.some(
    ({ name, phoneNumbers }) => shared.has(name) && phoneNumbers.some(({ number }) => answersAt(one, number) && answersAt(other, number)),
  );
}

function eligibleFor(one: ClassSpec, policy: Policy): readonly string[] {
  return policy.classes.find(({ name }) => name === one.name)?.eligible.Inbound ?? [];
}

/** A caller for whom neither class is narrower: no prefix in either, or the same prefix in both. */
function commonCaller(one: readonly string[], other: readonly string[]): boolean {
  if (one.length === 0 || other.length === 0) return one.length === other.length;
  return one.some((prefix) => other.includes(prefix));
}

/** Equally many labels that one session can carry all at once. */
function commonLabels(one: Labels, other: Labels): boolean {
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  return keys.every((key) => !Object.hasOwn(other, key) || other[key] === one[key]);
}
