/**
 * How deep a lane of the queue is looked into before deciding on it. Reading every lane as deep as there is room costs a thousand pages with thirty
 * lanes; reading too little would give a slot to a lower class that somebody further back could take (I10). So a lane is read a little, and deeper as
 * long as all that was read of it was of use.
 */

const leastDepth = 4;
/** Rows that a first look may read of all lanes together at any rate: cheaper than a second look that comes after deciding in vain. */
const firstRows = 24;
const deeperBy = 4;

/** One look at a lane: how deep it went, what it found, and how much of that was admitted or put aside. */
export type Look = { readonly depth: number; readonly found: number; readonly used: number };

/**
 * - `enough`: the lane ends there, or somebody in it stays behind: whoever stands further back would as well.
 * - `deeper`: those behind may be able to start, too.
 * - `more`: the same, but it was as deep as there seemed to be room: they are for another step.
 */
export type Verdict = { readonly kind: 'enough' } | { readonly kind: 'deeper'; readonly depth: number } | { readonly kind: 'more' };

/**
 * How deep the first look into one of so many lanes goes. `usedBefore`: how much of the lane was of use in the last step. `room`: how many may start at
 * the most.
 */
export function firstDepth({
  usedBefore,
  room,
  lanes,
}: {
  readonly usedBefore: number;
  readonly room: number;
  readonly lanes: number;
}): number {
  return Math.min(Math.max(leastDepth, usedBefore * 2, Math.floor(firstRows / lanes)), deepest(room));
}

/** One more than there is room: where somebody stays behind, there is no need to look again. */
const deepest = (room: number) => Math.max(leastDepth, room + 1);

/** Whether a look was enough, and how deep the next one goes if not. */
export function afterLook({ depth, found, used }: Look, room: number): Verdict {
  if (found < depth || used < found) return { kind: 'enough' };
  const most = deepest(room);
  return depth < most ? { kind: 'deeper', depth: Math.min(most, depth * deeperBy) } : { kind: 'more' };
}
