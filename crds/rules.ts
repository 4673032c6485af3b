import type { ClassSpec } from './classes.ts';
import { scalingRules, workerRules } from './fleet-rules.ts';
import type { PoolSpec } from './pool.ts';
import { durationMs } from './values.ts';

/**
 * Rules over several fields that need nothing but the fields themselves: names that are unique or exist, bounds that fit each other, sums. An API
 * server can check them too. What needs selectors or packing is found in `capacity/policy/`.
 */

/** A broken rule, at the field that mends it; the path begins below the pool's `spec`. */
export type BrokenRule = { readonly path: readonly (string | number)[]; readonly message: string };

/** Every rule that a declaration breaks. */
export function brokenRules(spec: PoolSpec): readonly BrokenRule[] {
  return [
    ...repeatedNames(spec),
    ...spec.subscriptions.flatMap(subscriptionRules),
    ...unknownUpstreams(spec),
    ...spec.classes.flatMap((one, c) => classRules(one, ['classes', c], spec)),
    ...budgetRules(spec),
    ...workerRules(spec),
    ...scalingRules(spec),
  ];
}

type Path = BrokenRule['path'];
type Named = { readonly path: Path; readonly value: string | undefined };

function repeatedNames(spec: PoolSpec): readonly BrokenRule[] {
  const projects = spec.subscriptions.flatMap((subscription, s) =>
    subscription.projects.map((project, p) => ({ project, path: ['subscriptions', s, 'projects', p] })),
  );
  const numbers = projects.flatMap(({ project, path }) =>
    project.phoneNumbers.map((number, n) => ({ number, path: [...path, 'phoneNumbers', n] })),
  );
  return [
    ...repeated(
      spec.subscriptions.map(({ name }, s) => ({ path: ['subscriptions', s, 'name'], value: name })),
      'names of subscriptions are unique in a pool',
    ),
    ...repeated(
      spec.subscriptions.map(({ accountId }, s) => ({ path: ['subscriptions', s, 'accountId'], value: accountId })),
      'an account is one limit, so it is one subscription: put its projects together',
    ),
    ...repeated(
      projects.map(({ project, path }) => ({ path: [...path, 'name'], value: project.name })),
      'names of projects are unique in the whole pool, over all subscriptions',
    ),
    ...repeated(
      numbers.map(({ number, path }) => ({ path: [...path, 'id'], value: number.id })),
      'a phone number belongs to one project: drop it from the other',
    ),
    ...repeated(
      numbers.map(({ number, path }) => ({ path: [...path, 'number'], value: number.number })),
      'a phone number belongs to one project: drop it from the other',
    ),
    ...projects.flatMap(({ project, path }) => [
      ...repeated(
        project.assistants.map(({ name }, a) => ({ path: [...path, 'assistants', a, 'name'], value: name })),
        'names of assistants are unique in a project',
      ),
      ...repeated(
        project.upstreams.map((name, u) => ({ path: [...path, 'upstreams', u], value: name })),
        'list an upstream once; unitsPerSession says how much of it a session takes',
      ),
    ]),
    ...repeated(
      spec.upstreams.map(({ name }, u) => ({ path: ['upstreams', u, 'name'], value: name })),
      'names of upstreams are unique in a pool',
    ),
    ...repeated(
      spec.classes.map(({ name }, c) => ({ path: ['classes', c, 'name'], value: name })),
      'names of classes are unique in a pool',
    ),
    ...repeated(
      spec.scaling.schedules.map(({ name }, s) => ({ path: ['scaling', 'schedules', s, 'name'], value: name })),
      'names of schedules are unique in a pool',
    ),
    ...spec.scaling.schedules.flatMap(({ days }, s) =>
      repeated(
        days.map((day, d) => ({ path: ['scaling', 'schedules', s, 'days', d], value: day })),
        'list a day once',
      ),
    ),
  ];
}

/** The second and later of equal values. The value itself is not repeated: it may be a phone number. */
function repeated(entries: readonly Named[], rule: string): readonly BrokenRule[] {
  const first = new Map<string, Path>();
  const broken: BrokenRule[] = [];
  for (const { path, value } of entries) {
    if (value === undefined) continue;
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, path);
    else broken.push({ path, message: `is the same as ${pathText(['spec', ...earlier])}: ${rule}` });
  }
  return broken;
}

function subscriptionRules(subscription: PoolSpec['subscriptions'][number], s: number): readonly BrokenRule[] {
  if (subscription.safetyMargin < subscription.concurrencyLimit) return [];
  return [
    {
      path: ['subscriptions', s, 'safetyMargin'],
      message: `must be less than concurrencyLimit (${subscription.concurrencyLimit}), or no slot is ever usable`,
    },
  ];
}

function unknownUpstreams(spec: PoolSpec): readonly BrokenRule[] {
  const known = new Set<string>(spec.upstreams.map(({ name }) => name));
  return spec.subscriptions.flatMap((subscription, s) =>
    subscription.projects.flatMap((project, p) =>
      project.upstreams.flatMap((name, u) =>
        known.has(name)
          ? []
          : [
              {
                path: ['subscriptions', s, 'projects', p, 'upstreams', u],
                message: `no upstream is named ${name}: declare it under spec.upstreams or drop it here`,
              },
            ],
      ),
    ),
  );
}

function classRules(one: ClassSpec, at: Path, spec: PoolSpec): readonly BrokenRule[] {
  return [...reserveRules(one, at, spec), ...directionRules(one, at), ...retryRules(one, at)];
}

function reserveRules(one: ClassSpec, at: Path, spec: PoolSpec): readonly BrokenRule[] {
  const broken: BrokenRule[] = [];
  if (one.reserved !== undefined && one.reservedAt !== undefined) {
    broken.push({ path: [...at, 'reserved'], message: 'excludes reservedAt: keep one of the two' });
  }
  const total = reservedSlots(one);
  if (one.limit !== undefined && total > one.limit) {
    broken.push({
      path: [...at, one.reservedAt === undefined ? 'reserved' : 'reservedAt'],
      message: `reserves ${total} slots, but limit lets the class use ${one.limit}: raise limit or reserve less`,
    });
  }
  const known = new Set<string>(spec.subscriptions.map(({ name }) => name));
  for (const name of Object.keys(one.reservedAt ?? {})) {
    if (known.has(name)) continue;
    broken.push({
      path: [...at, 'reservedAt', name],
      message: `no subscription is named ${name}: the subscriptions are ${[...known].join(', ')}`,
    });
  }
  return broken;
}

/** A field that cannot take effect is refused, because whoever wrote it expects one. */
function directionRules(one: ClassSpec, at: Path): readonly BrokenRule[] {
  const onlyInbound = [
    { field: ['overflow'], given: one.overflow.length > 0 },
    { field: ['whenUnavailable'], given: one.whenUnavailable !== undefined },
    { field: ['maxWait'], given: one.maxWait !== undefined },
    { field: ['match', 'dialled'], given: one.match.dialled.length > 0 },
    { field: ['match', 'callers'], given: one.match.callers.length > 0 },
  ];
  const onlyOutbound = [
    { field: ['retry'], given: one.retry !== undefined },
    { field: ['from'], given: one.from !== undefined },
  ];
  if (one.direction === 'Any') return [];
  const [fields, kind] = one.direction === 'Outbound' ? [onlyInbound, 'inbound'] : [onlyOutbound, 'outbound'];
  return fields
    .filter(({ given }) => given)
    .map(({ field }) => ({
      path: [...at, ...field],
      message: `is for ${kind} sessions, and the class's direction is ${one.direction}: drop it, or make the direction Any`,
    }));
}

function retryRules(one: ClassSpec, at: Path): readonly BrokenRule[] {
  if (one.retry === undefined) return [];
  const { initial, max } = one.retry.backoff;
  if (durationMs(initial) <= durationMs(max)) return [];
  return [{ path: [...at, 'retry', 'backoff', 'initial'], message: `must not be longer than max (${max})` }];
}

function budgetRules({ budget, classes }: PoolSpec): readonly BrokenRule[] {
  const total = budget.maxConcurrentSessions;
  const broken: BrokenRule[] = [];
  for (const direction of ['inbound', 'outbound'] as const) {
    const limit = budget[direction];
    if (limit === undefined) continue;
    if (total !== undefined && limit > total) {
      broken.push({ path: ['budget', direction], message: `must not be more than maxConcurrentSessions (${total})` });
    }
    const wanted = direction === 'inbound' ? 'Inbound' : 'Outbound';
    const reserved = sum(classes.filter((one) => one.direction === wanted).map(reservedSlots));
    if (reserved > limit) {
      broken.push({
        path: ['budget', direction],
        message: `holds ${limit} sessions, but ${wanted} classes reserve ${reserved} slots: raise it or reserve less`,
      });
    }
  }
  const reserved = sum(classes.map(reservedSlots));
  const both = budget.inbound === undefined || budget.outbound === undefined ? undefined : budget.inbound + budget.outbound;
  if (total !== undefined && reserved > total) {
    broken.push({
      path: ['budget', 'maxConcurrentSessions'],
      message: `holds ${total} sessions, but the classes reserve ${reserved} slots: raise it or reserve less`,
    });
  } else if (both !== undefined && reserved > both) {
    broken.push({
      path: ['budget'],
      message: `inbound and outbound together hold ${both} sessions, but the classes reserve ${reserved} slots: raise them or reserve less`,
    });
  }
  return broken;
}

/** Slots that a class reserves, over all subscriptions. */
function reservedSlots(one: ClassSpec): number {
  return one.reservedAt === undefined ? (one.reserved ?? 0) : sum(Object.values(one.reservedAt));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** A path as people write it: `spec.classes[1].assistant`. */
export function pathText(path: readonly (string | number)[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : /^[A-Za-z_][\w-]*$/.test(step) ? `.${step}` : `["${step}"]`))
    .join('')
    .replace(/^\./, '');
}
