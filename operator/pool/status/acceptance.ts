import type { Finding } from '../../runtime/conditions.ts';
import type { ObservedPool } from '../observed.ts';

/** Whether the declaration is one that workers can act on: by our rules, and by the ledger, which knows the other pools. */
export function acceptance({ object: { declared }, refusal }: ObservedPool): Finding {
  if (!declared.accepted) {
    const goesOn = 'Until it is changed, workers act on the declaration before it, if there was one.';
    return { type: 'Accepted', status: 'False', reason: 'Invalid', message: `${declared.problems.join('; ')}. ${goesOn}` };
  }
  if (refusal?.kind !== 'refused') {
    return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The declaration is one that workers can act on.' };
  }
  // Who leads is no question of the declaration.
  const status = refusal.refused === 'Fenced' ? 'Unknown' : 'False';
  return { type: 'Accepted', status, reason: refusal.refused, message: sentence(refusal.message) };
}

/** Whether the pool's objects are in the cluster as planned. */
export function objectsApplied({ children, behind }: Pick<ObservedPool, 'children' | 'behind'>): Finding {
  const [first] = children;
  if (first === undefined && behind !== undefined) {
    const message = `All but the pods of a new release of the operator, which reach a tenth of the pools at a time: ${behind} roll out now.`;
    return { type: 'ObjectsApplied', status: 'True', reason: 'AwaitsTurn', message };
  }
  if (first === undefined) {
    return { type: 'ObjectsApplied', status: 'True', reason: 'Applied', message: 'The objects of the fleet are as planned.' };
  }
  const message = children.map((child) => sentence(child.message)).join(' ');
  return { type: 'ObjectsApplied', status: 'False', reason: first.reason, message };
}

export function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
