import type { Snapshot, Waiting } from '../../capacity/admission/snapshot.ts';
import type { ClassPolicy, Direction, Policy, ProjectPolicy } from '../../capacity/policy/policy.ts';

/**
 * An independent judge of admissions: tries every way of placing every reserved slot, slot by slot. Exponential and obvious; it shares no code with what
 * it judges. Slots are counted afresh from a plain list each time.
 */
export type Slot = {
  readonly class: string;
  readonly direction: Direction;
  readonly project: string;
  readonly kind: 'session' | 'cooling' | 'pending';
};

export type Situation = {
  readonly policy: Policy;
  readonly ceilings: Snapshot['ceilings'];
  readonly pauses: Snapshot['pauses'];
  readonly slots: readonly Slot[];
};

export function situationOf({ policy, ceilings, pauses, inUse, pending }: Snapshot): Situation {
  const sessions = inUse.flatMap(({ cooling = 0, slots, ...where }) => [
    ...repeat<Slot>(slots - cooling, { ...where, kind: 'session' }),
    ...repeat<Slot>(cooling, { ...where, kind: 'cooling' }),
  ]);
  const callers = pending.flatMap(({ project, slots }) =>
    repeat<Slot>(slots, { class: '', direction: 'Inbound', project, kind: 'pending' }),
  );
  return { policy, ceilings, pauses, slots: [...sessions, ...callers] };
}

/** What the session would be once admitted there. A caller's pending line becomes the session's. */
export function withSession(situation: Situation, session: Waiting, project: string): Situation {
  const without = session.holdsLine ? withoutPending(situation, project) : situation;
  return { ...without, slots: [...without.slots, { class: session.class, direction: session.direction, project, kind: 'session' }] };
}

/** Whether some project can take the session now, by limits and reservations; rates aside. */
export function canBePlaced(situation: Situation, session: Waiting): boolean {
  const declared = situation.policy.classes.find(({ name }) => name === session.class);
  const projects = declared?.eligible[session.direction] ?? [];
  return projects.some(
    (project) => (session.project === undefined || project === session.project) && isAllowed(situation, session, project),
  );
}

/** Whether admitting the session there is right: I1, I2 and I3. */
export function isAllowed(situation: Situation, session: Waiting, project: string): boolean {
  // Callers are answered, not called: a pause of creations does not concern them.
  const pause = situation.pauses.get(projectOf(situation.policy, project).name);
  if (pause?.stops === 'everything' || (pause !== undefined && !session.holdsLine)) return false;
  // A caller's own line is counted already: it is enough that the lines in use are within the limits. Any other session needs one more.
  const after = withSession(situation, session, project);
  if (!withinLimits(after, project, session)) return false;
  const before = session.holdsLine ? withoutPending(situation, project) : situation;
  return shortfall(after) <= shortfall(before);
}

/** Reserved slots that are not in use and cannot all be placed. */
export function shortfall(situation: Situation): number {
  const wanted = demandsOf(situation);
  return wanted.length - mostPlaceable(situation, wanted);
}

function withinLimits({ policy, ceilings, slots }: Situation, at: string, session: Waiting): boolean {
  const sessions = slots.filter(({ kind }) => kind !== 'pending');
  const { subscription, upstreams } = projectOf(policy, at);
  const onSubscription = slots.filter(({ project }) => projectOf(policy, project).subscription === subscription).length;
  const classLimit = policy.classes.find(({ name }) => name === session.class)?.limit ?? Number.POSITIVE_INFINITY;
  return (
    sessions.length <= (policy.maxConcurrentSessions ?? Number.POSITIVE_INFINITY) &&
    sessions.filter(({ direction }) => direction === session.direction).length <=
      (policy.directionLimits[session.direction] ?? Number.POSITIVE_INFINITY) &&
    sessions.filter((slot) => slot.class === session.class).length <= classLimit &&
    onSubscription <= (ceilings.get(subscription) ?? 0) &&
    policy.upstreams.every((upstream) => {
      if (!upstreams.includes(upstream.name)) return true;
      const through = slots.filter(({ project }) => projectOf(policy, project).upstreams.includes(upstream.name)).length;
      return through * upstream.unitsPerSession <= (upstream.concurrencyLimit ?? Number.POSITIVE_INFINITY);
    })
  );
}

type Wanted = { readonly class: ClassPolicy; readonly homes: readonly ProjectPolicy[] };

/** One entry for each reserved slot that is not in use. */
function demandsOf(situation: Situation): readonly Wanted[] {
  const { policy, slots } = situation;
  return policy.classes.flatMap((declared): Wanted[] => {
    const own = slots.filter((slot) => slot.kind === 'session' && slot.class === declared.name);
    const homes = homesOf(situation, declared);
    if (declared.reservedAt === undefined) return repeat(declared.reserved - own.length, { class: declared, homes });
    return [...declared.reservedAt].flatMap(([subscription, count]) => {
      const there = own.filter(({ project }) => projectOf(policy, project).subscription === subscription).length;
      return repeat(count - there, { class: declared, homes: homes.filter((home) => home.subscription === subscription) });
    });
  });
}

/** A paused project is no home, unless callers of the class get in or it has no other. */
function homesOf({ policy, pauses }: Situation, { eligible }: ClassPolicy): readonly ProjectPolicy[] {
  const all = policy.projects.filter(({ name }) => eligible.Inbound.includes(name) || eligible.Outbound.includes(name));
  const open = all.filter(({ name }) => {
    const pause = pauses.get(name);
    return pause === undefined || (pause.stops === 'creations' && eligible.Inbound.includes(name));
  });
  return open.length > 0 ? open : all;
}

/** Tries every home for every wanted slot. */
function mostPlaceable(situation: Situation, wanted: readonly Wanted[]): number {
  const known = new Map<string, number>();
  const from = (index: number, room: Readonly<Record<string, number>>): number => {
    const next = wanted[index];
    if (next === undefined) return 0;
    const key = `${index} ${Object.values(room).join(' ')}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    let most = from(index + 1, room);
    for (const home of next.homes) {
      const left = take(situation.policy, room, next.class, home);
      if (left !== undefined) most = Math.max(most, 1 + from(index + 1, left));
    }
    known.set(key, most);
    return most;
  };
  return from(0, roomOf(situation));
}

function roomOf({ policy, ceilings, slots }: Situation): Record<string, number> {
  const sessions = slots.filter(({ kind }) => kind !== 'pending');
  const infinite = Number.POSITIVE_INFINITY;
  const room: Record<string, number> = {
    pool: (policy.maxConcurrentSessions ?? infinite) - sessions.length,
    Inbound: (policy.directionLimits.Inbound ?? infinite) - sessions.filter(({ direction }) => direction === 'Inbound').length,
    Outbound: (policy.directionLimits.Outbound ?? infinite) - sessions.filter(({ direction }) => direction === 'Outbound').length,
  };
  for (const { name, limit } of policy.classes) {
    room[`class ${name}`] = (limit ?? infinite) - sessions.filter((slot) => slot.class === name).length;
  }
  for (const { name } of policy.subscriptions) {
    room[`subscription ${name}`] =
      (ceilings.get(name) ?? 0) - slots.filter(({ project }) => projectOf(policy, project).subscription === name).length;
  }
  for (const { name, concurrencyLimit, unitsPerSession } of policy.upstreams) {
    const through = slots.filter(({ project }) => projectOf(policy, project).upstreams.includes(name)).length;
    room[`upstream ${name}`] = (concurrencyLimit ?? infinite) - through * unitsPerSession;
  }
  return room;
}

function take(
  policy: Policy,
  room: Readonly<Record<string, number>>,
  declared: ClassPolicy,
  home: ProjectPolicy,
): Readonly<Record<string, number>> | undefined {
  const left: Record<string, number> = { ...room };
  const needs: [string, number][] = [
    ['pool', 1],
    [`class ${declared.name}`, 1],
    [`subscription ${home.subscription}`, 1],
  ];
  if (declared.direction !== 'Outbound') needs.push(['Inbound', 1]);
  if (declared.direction !== 'Inbound') needs.push(['Outbound', 1]);
  for (const { name, unitsPerSession } of policy.upstreams)
    if (home.upstreams.includes(name)) needs.push([`upstream ${name}`, unitsPerSession]);
  for (const [what, units] of needs) {
    left[what] = (left[what] ?? 0) - units;
    if ((left[what] ?? 0) < 0) return undefined;
  }
  return left;
}

function withoutPending(situation: Situation, project: string): Situation {
  const index = situation.slots.findIndex((slot) => slot.kind === 'pending' && slot.project === project);
  return { ...situation, slots: situation.slots.filter((_, at) => at !== index) };
}

function projectOf(policy: Policy, name: string): ProjectPolicy {
  const project = policy.projects.find((candidate) => candidate.name === name);
  if (project === undefined) throw new Error(`no project ${name}`);
  return project;
}

function repeat<T>(count: number, value: T): T[] {
  return Array.from({ length: Math.max(0, count) }, () => value);
}
