import type { Labels } from '../../crds/values.ts';
import type { ProjectRoom } from '../admission/room.ts';

/**
 * The projects that can take a session, the most preferred first. Of many, the first is taken almost always: they are picked one by one, not sorted.
 *
 * 1. A half-open project first, for outbound sessions: it comes back by being tried, and a failed try costs nobody an attempt.
 * 2. With affinity: the project that the session's label values hash to, so that equal values stay together while there is room, and every
 *    process agrees without asking. The next in that order is where they overflow to.
 * 3. Otherwise weight × headroom, per session already there, which spreads sessions over equal projects in proportion to their weights.
 */
export function* byPreference(
  projects: readonly ProjectRoom[],
  session: { readonly direction: 'Inbound' | 'Outbound'; readonly labels: Labels },
  affinity: readonly string[],
): Generator<ProjectRoom, void, undefined> {
  const value = affinityValue(affinity, session.labels);
  const left = projects.map((project): Ranked => {
    const halfOpen = session.direction === 'Outbound' && project.pause !== undefined;
    return { project, halfOpen, score: value === undefined ? attraction(project) : rendezvous(value, project) };
  });
  for (let best = bestOf(left); best !== undefined; best = bestOf(left)) {
    left.splice(left.indexOf(best), 1);
    yield best.project;
  }
}

type Ranked = { readonly project: ProjectRoom; readonly halfOpen: boolean; readonly score: number };

/** The earlier of equals. */
function bestOf(left: readonly Ranked[]): Ranked | undefined {
  let best: Ranked | undefined;
  for (const one of left) if (best === undefined || isBetter(one, best)) best = one;
  return best;
}

function isBetter(a: Ranked, b: Ranked): boolean {
  return a.halfOpen === b.halfOpen ? a.score > b.score : a.halfOpen;
}

/** Slots that the project could take now beside what is withheld, or undefined when nothing limits it. */
export function headroom(project: ProjectRoom): number {
  let slots = Number.POSITIVE_INFINITY;
  for (const { budget, units } of project.line) slots = Math.min(slots, Math.floor((budget.limit - budget.used - budget.withheld) / units));
  return Math.max(0, slots);
}

function attraction(project: ProjectRoom): number {
  return (project.policy.weight * headroom(project)) / (1 + project.used);
}

/** The values of the affinity labels that the session has; undefined when it has none of them. */
function affinityValue(affinity: readonly string[], labels: Labels): string | undefined {
  let value: string | undefined;
  for (const label of affinity) {
    const own = labels[label];
    if (own !== undefined) value = `${value ?? ''}\n${label}=${own}`;
  }
  return value;
}

/** Weighted rendezvous hashing: each value ranks the projects by itself, and a project is first for a share of values equal to its weight. */
function rendezvous(value: string, { policy }: ProjectRoom): number {
  return -policy.weight / Math.log(unitHash(`${policy.name}\n${value}`));
}

/** A well-mixed hash in (0, 1): FNV-1a, then the finaliser of MurmurHash3. */
function unitHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 0x1_0000_0000;
}
