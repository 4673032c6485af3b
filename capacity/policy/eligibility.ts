import type { ClassSpec } from '../../crds/classes.ts';
import type { PoolSpec } from '../../crds/pool.ts';
import type { ProjectSpec, SubscriptionSpec } from '../../crds/subscriptions.ts';
import type { Labels, ProjectName, SubscriptionName } from '../../crds/values.ts';
import type { ClassPolicy, PhoneNumber, Policy } from './policy.ts';
import { listed, type PolicyProblem } from './problem.ts';

/** Where a class can run: its assistant is there, its selector fits, and there is a number to call from or to be called at. */

/** A project, its subscription, and where both stand in the manifest. */
export type PlacedProject = {
  readonly project: ProjectSpec;
  readonly subscription: SubscriptionSpec;
  readonly path: readonly (string | number)[];
};

export type Reach = Pick<ClassPolicy, 'eligible' | 'callFrom'>;

/** All projects of a pool, in the order of the manifest. */
export function placedProjects(spec: PoolSpec): readonly PlacedProject[] {
  return spec.subscriptions.flatMap((subscription, s) =>
    subscription.projects.map((project, p) => ({ project, subscription, path: ['spec', 'subscriptions', s, 'projects', p] })),
  );
}

/** Whether every wanted label is there with the same value. */
export function carries(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

/** Resolves a class to the projects that can take its sessions, per direction. */
export function reachOf(spec: ClassSpec, projects: readonly PlacedProject[]): Reach {
  const candidates = projects.map(({ project }) => project).filter((project) => hasAssistant(spec, project) && isSelected(spec, project));
  const takesInbound = spec.direction !== 'Outbound';
  const callFrom = spec.direction === 'Inbound' ? [] : candidates.map((project) => callerNumbers(spec, project)).filter(hasNumbers);
  return {
    eligible: {
      Inbound: takesInbound ? candidates.filter((project) => answersFor(spec, project)).map(({ name }) => name) : [],
      Outbound: callFrom.map(([name]) => name),
    },
    callFrom: new Map(callFrom),
  };
}

/** Subscriptions in which a class can run, in either direction, in the order of the manifest. */
export function usableSubscriptions(one: Reach, policy: Pick<Policy, 'projects' | 'subscriptions'>): readonly SubscriptionName[] {
  const projects = new Set<ProjectName>([...one.eligible.Inbound, ...one.eligible.Outbound]);
  const used = new Set(policy.projects.filter(({ name }) => projects.has(name)).map(({ subscription }) => subscription));
  return policy.subscriptions.map(({ name }) => name).filter((name) => used.has(name));
}

/** What keeps a class from running where it says it runs. At most one problem per cause, at the field that mends it. */
export function reachProblems(spec: ClassSpec, index: number, projects: readonly PlacedProject[]): readonly PolicyProblem[] {
  const at = ['spec', 'classes', index];
  const withAssistant = projects.filter(({ project }) => hasAssistant(spec, project));
  if (withAssistant.length === 0) {
    return [
      {
        path: [...at, 'assistant'],
        message: `no project has an assistant named ${spec.assistant}: add it to a project's assistants, or name one of ${assistantNames(projects)}`,
      },
    ];
  }
  const candidates = withAssistant.filter(({ project }) => isSelected(spec, project));
  if (candidates.length === 0) {
    return [
      {
        path: [...at, 'projects'],
        message: `no project that has assistant ${spec.assistant} carries these labels: label one of ${projectNames(withAssistant)}, or select less`,
      },
    ];
  }
  return [...outboundProblems(spec, at, candidates), ...inboundProblems(spec, at, candidates, projects)];
}

function outboundProblems(spec: ClassSpec, at: PolicyProblem['path'], candidates: readonly PlacedProject[]): readonly PolicyProblem[] {
  if (spec.direction === 'Inbound' || candidates.some(({ project }) => callerNumbers(spec, project)[1].length > 0)) return [];
  if (candidates.every(({ project }) => project.phoneNumbers.length === 0)) {
    return [{ path: [...at, 'direction'], message: `there is no number to call from: add phoneNumbers to ${projectNames(candidates)}` }];
  }
  return [
    {
      path: [...at, 'from'],
      message: `selects no phone number to call from: label a number of ${projectNames(candidates)} so, or select less`,
    },
  ];
}

function inboundProblems(
  spec: ClassSpec,
  at: PolicyProblem['path'],
  candidates: readonly PlacedProject[],
  projects: readonly PlacedProject[],
): readonly PolicyProblem[] {
  if (spec.direction === 'Outbound') return [];
  if (spec.match.dialled.length === 0) {
    if (candidates.some(({ project }) => project.phoneNumbers.length > 0)) return [];
    if (spec.direction === 'Any') return []; // told once, as a want of numbers to call from
    return [{ path: [...at, 'direction'], message: `there is no number to be called at: add phoneNumbers to ${projectNames(candidates)}` }];
  }
  return spec.match.dialled.flatMap((number, n) => {
    const owner = projects.find(({ project }) => owns(project, number));
    const path = [...at, 'match', 'dialled', n];
    if (owner === undefined) {
      return [{ path, message: `no project owns the number ending in ${number.slice(-2)}: add it to the phoneNumbers of its project` }];
    }
    if (candidates.includes(owner)) return [];
    const lack = hasAssistant(spec, owner.project) ? 'is not selected by projects' : `has no assistant named ${spec.assistant}`;
    return [
      {
        path,
        message: `the number ending in ${number.slice(-2)} belongs to project ${owner.project.name}, which ${lack}: a call cannot be moved to another project, so mend that or drop the number`,
      },
    ];
  });
}

/** Whether calls to this number of a project can be this class's. */
export function answersAt(spec: ClassSpec, number: string): boolean {
  return spec.match.dialled.length === 0 || spec.match.dialled.includes(number);
}

function answersFor(spec: ClassSpec, project: ProjectSpec): boolean {
  return project.phoneNumbers.some(({ number }) => answersAt(spec, number));
}

function callerNumbers(spec: ClassSpec, project: ProjectSpec): readonly [ProjectName, readonly PhoneNumber[]] {
  const numbers = project.phoneNumbers.filter(({ labels }) => spec.from === undefined || carries(labels, spec.from.matchLabels));
  return [project.name, numbers.map(({ id, number }) => ({ id, number }))];
}

function hasNumbers([, numbers]: readonly [ProjectName, readonly PhoneNumber[]]): boolean {
  return numbers.length > 0;
}

function hasAssistant(spec: ClassSpec, project: ProjectSpec): boolean {
  return project.assistants.some(({ name }) => name === spec.assistant);
}

function isSelected(spec: ClassSpec, project: ProjectSpec): boolean {
  return carries(project.labels, spec.projects.matchLabels);
}

function owns(project: ProjectSpec, number: string): boolean {
  return project.phoneNumbers.some((own) => own.number === number);
}

function projectNames(projects: readonly PlacedProject[]): string {
  return listed(projects.map(({ project }) => project.name));
}

function assistantNames(projects: readonly PlacedProject[]): string {
  return listed([...new Set(projects.flatMap(({ project }) => project.assistants.map(({ name }) => name)))]);
}
