import type { Labels, ProjectName } from '../crds/values.ts';
import type { ClassPolicy, Direction, Policy } from './policy/policy.ts';

/** Which class a conversation belongs to: by what the caller dialled and who calls, or by what the session's sender asked for. */

export type Arrival = {
  /** The project that owns the dialled number; the call sits there. */
  readonly project?: ProjectName;
  readonly dialled: string | undefined;
  readonly caller: string | undefined;
  readonly labels: Labels;
};

/** What is wrong with a session, and with which of its fields. */
export type SessionProblem = { readonly field: 'class' | 'direction' | 'project'; readonly message: string };

/**
 * The class of an inbound call: of those that match, the most specific one (it names the dialled number, then the longest caller prefix, then the most
 * labels); among equally specific ones the highest priority.
 */
export function classifyArrival(policy: Policy, arrival: Arrival): ClassPolicy | undefined {
  let best: { readonly declared: ClassPolicy; readonly specificity: readonly number[] } | undefined;
  for (const declared of policy.classes) {
    const specificity = specificityOf(declared, arrival);
    if (specificity === undefined) continue;
    // Classes come by falling priority: of two that are equally specific, the first stays.
    if (best === undefined || isGreater(specificity, best.specificity)) best = { declared, specificity };
  }
  return best?.declared;
}

/** The class of a session that was handed in: the one it names, or the first that takes its direction, labels and project. */
export function classForSession(
  policy: Policy,
  asked: {
    readonly class?: string | undefined;
    readonly direction: Direction;
    readonly labels: Labels;
    readonly project?: string | undefined;
  },
): ClassPolicy | SessionProblem {
  const project = policy.projects.find(({ name }) => name === asked.project);
  if (asked.project !== undefined && project === undefined) {
    return { field: 'project', message: `no project of this pool has this name: use one of ${namesOf(policy.projects)}` };
  }
  const runs = (declared: ClassPolicy): boolean => {
    const eligible = declared.eligible[asked.direction];
    return project === undefined ? eligible.length > 0 : eligible.includes(project.name);
  };
  if (asked.class === undefined) {
    const fitting = policy.classes.find((declared) => runs(declared) && hasLabels(asked.labels, declared.match.labels));
    return fitting ?? { field: 'class', message: `no class takes this ${asked.direction} session: name one of ${namesOf(policy.classes)}` };
  }
  const named = policy.classes.find(({ name }) => name === asked.class);
  if (named === undefined) {
    return { field: 'class', message: `no class of this pool has this name: use one of ${namesOf(policy.classes)}` };
  }
  if (named.direction !== 'Any' && named.direction !== asked.direction) {
    return { field: 'direction', message: `class ${named.name} is ${named.direction} only` };
  }
  if (runs(named)) return named;
  const where = project === undefined ? 'in no project of this pool' : `not in project ${project.name}`;
  return { field: 'project', message: `${asked.direction} sessions of class ${named.name} can run ${where}` };
}

/** How closely the class describes the call, most telling part first; undefined when it does not match. */
function specificityOf({ direction, eligible, match }: ClassPolicy, arrival: Arrival): readonly number[] | undefined {
  if (direction === 'Outbound') return undefined;
  if (arrival.project !== undefined && !eligible.Inbound.includes(arrival.project)) return undefined;
  const { dialled, caller } = arrival;
  if (match.dialled.length > 0 && (dialled === undefined || !match.dialled.includes(dialled))) return undefined;
  const prefixes = match.callerPrefixes.filter((prefix) => caller?.startsWith(prefix));
  if (match.callerPrefixes.length > 0 && prefixes.length === 0) return undefined;
  if (!hasLabels(arrival.labels, match.labels)) return undefined;
  return [match.dialled.length > 0 ? 1 : 0, Math.max(0, ...prefixes.map(({ length }) => length)), Object.keys(match.labels).length];
}

function isGreater(a: readonly number[], b: readonly number[]): boolean {
  const differs = a.findIndex((value, index) => value !== b[index]);
  return differs >= 0 && (a[differs] ?? 0) > (b[differs] ?? 0);
}

function hasLabels(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

function namesOf(named: readonly { readonly name: string }[]): string {
  return named.map(({ name }) => name).join(', ');
}
