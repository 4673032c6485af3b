import type { ServerRule } from './server.ts';

/**
 * The rules of `rules.ts` in CEL, so that an API server refuses what they refuse, in nearly their words. It reckons the cost of a rule from the bounds
 * of all lists inside and refuses a definition that may get too dear: what would compare every phone number of a pool with every other is left to
 * `rules.ts` alone. Unique names within one list need no rule: the list is keyed by them.
 *
 * Fields with a default are always there when a rule is asked; of the others `has` has to be asked first.
 */

/** Slots that a class reserves, over all subscriptions. */
const reservedBy = (one: string) =>
  `(has(${one}.reservedAt) ? ${one}.reservedAt.map(at, ${one}.reservedAt[at]).sum() : has(${one}.reserved) ? ${one}.reserved : 0)`;

const reservedByAll = `self.classes.map(one, ${reservedBy('one')}).sum()`;
const reservedFor = (direction: string) => `self.classes.map(one, one.direction == '${direction}' ? ${reservedBy('one')} : 0).sum()`;

/** At a class. */
export const classRules: readonly ServerRule[] = [
  {
    rule: '!has(self.reserved) || !has(self.reservedAt)',
    message: 'excludes reservedAt: keep one of the two',
    fieldPath: '.reserved',
  },
  {
    rule: '!has(self.limit) || !has(self.reserved) || has(self.reservedAt) || self.reserved <= self.limit',
    message: 'reserves more slots than limit lets the class use: raise limit or reserve less',
    fieldPath: '.reserved',
  },
  {
    rule: '!has(self.limit) || !has(self.reservedAt) || self.reservedAt.map(at, self.reservedAt[at]).sum() <= self.limit',
    message: 'reserves more slots than limit lets the class use: raise limit or reserve less',
    fieldPath: '.reservedAt',
  },
  ...onlyFor('Inbound', 'Outbound', [
    ['.overflow', 'self.overflow.size() == 0'],
    ['.whenUnavailable', '!has(self.whenUnavailable)'],
    ['.maxWait', '!has(self.maxWait)'],
    ['.match.dialled', 'self.match.dialled.size() == 0'],
    ['.match.callers', 'self.match.callers.size() == 0'],
  ]),
  ...onlyFor('Outbound', 'Inbound', [
    ['.retry', '!has(self.retry)'],
    ['.from', '!has(self.from)'],
  ]),
];

type Absence = readonly [fieldPath: string, absent: string];

/** Fields of the one direction, in a class of the other. */
function onlyFor(direction: 'Inbound' | 'Outbound', other: 'Inbound' | 'Outbound', fields: readonly Absence[]): readonly ServerRule[] {
  return fields.map(([fieldPath, absent]) => ({
    rule: `self.direction != '${other}' || ${absent}`,
    message: `is for ${direction.toLowerCase()} sessions, and the class's direction is ${other}: drop it, or make the direction Any`,
    fieldPath,
  }));
}

/** At the waits between two attempts. */
export const backoffRules: readonly ServerRule[] = [
  { rule: 'duration(self.initial) <= duration(self.max)', message: 'must not be longer than max', fieldPath: '.initial' },
];

/** At a subscription. */
export const subscriptionRules: readonly ServerRule[] = [
  {
    rule: 'self.safetyMargin < self.concurrencyLimit',
    message: 'must be less than concurrencyLimit, or no slot is ever usable',
    fieldPath: '.safetyMargin',
  },
];

/** At the budget. */
export const budgetRules: readonly ServerRule[] = ['inbound', 'outbound'].map((direction) => ({
  rule: `!has(self.${direction}) || !has(self.maxConcurrentSessions) || self.${direction} <= self.maxConcurrentSessions`,
  message: 'must not be more than maxConcurrentSessions',
  fieldPath: `.${direction}`,
}));

const quantityWithin = (resource: string): ServerRule => ({
  rule: `!has(self.limits.${resource}) || quantity(self.requests.${resource}).compareTo(quantity(self.limits.${resource})) <= 0`,
  message: `must not be more than limits.${resource}`,
  fieldPath: `.requests.${resource}`,
});

/** At what a worker gets of its node. */
export const resourceRules: readonly ServerRule[] = ['cpu', 'memory'].map(quantityWithin);

/** At a toleration. */
export const tolerationRules: readonly ServerRule[] = [
  {
    rule: "has(self.key) || self.operator == 'Exists'",
    message: 'must be Exists without a key: it is for every taint then',
    fieldPath: '.operator',
  },
  { rule: "!has(self.value) || self.operator == 'Equal'", message: 'goes with operator Equal only', fieldPath: '.value' },
  {
    rule: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
    message: 'goes with effect NoExecute only',
    fieldPath: '.tolerationSeconds',
  },
];

/** At a window of the week. */
export const scheduleRules: readonly ServerRule[] = [
  {
    rule: 'has(self.minReplicas) || has(self.maxReplicas)',
    message: 'must have minReplicas, maxReplicas or both: without them it changes nothing',
  },
  {
    rule: '!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas',
    message: 'must not be more than maxReplicas',
    fieldPath: '.minReplicas',
  },
  { rule: 'self.start != self.end', message: 'must not be start: write 00:00 and 24:00 for the whole day', fieldPath: '.end' },
];

/** At scaling. */
export const scalingRules: readonly ServerRule[] = [
  { rule: 'self.minReplicas <= self.maxReplicas', message: 'must not be more than maxReplicas', fieldPath: '.minReplicas' },
  {
    rule: 'self.schedules.all(one, !has(one.minReplicas) || one.minReplicas <= self.maxReplicas)',
    message: 'the floor of a schedule must not be more than scaling.maxReplicas, which holds whatever a schedule says',
    fieldPath: '.schedules',
  },
  {
    rule: 'self.schedules.all(one, !has(one.maxReplicas) || one.maxReplicas >= self.minReplicas)',
    message: 'the cap of a schedule must not be less than scaling.minReplicas, which holds whatever a schedule says',
    fieldPath: '.schedules',
  },
];

/** At the spec. */
export const poolRules: readonly ServerRule[] = [
  {
    rule: 'self.subscriptions.all(one, !has(one.accountId) || self.subscriptions.exists_one(other, has(other.accountId) && other.accountId == one.accountId))',
    message: 'an account is one limit, so it is one subscription: put its projects together',
    fieldPath: '.subscriptions',
  },
  {
    // Within a subscription names differ anyway, so it is enough that one subscription has a project of that name.
    rule: 'self.subscriptions.all(one, one.projects.all(project, self.subscriptions.exists_one(other, other.projects.exists(namesake, namesake.name == project.name))))',
    message: 'names of projects are unique in the whole pool, over all subscriptions',
    fieldPath: '.subscriptions',
  },
  {
    rule: 'self.subscriptions.all(one, one.projects.all(project, project.upstreams.all(used, self.upstreams.exists(upstream, upstream.name == used))))',
    message: 'a project uses an upstream that is not declared: declare it under spec.upstreams or drop it there',
    fieldPath: '.subscriptions',
  },
  {
    rule: 'self.classes.all(one, !has(one.reservedAt) || one.reservedAt.all(at, self.subscriptions.exists(subscription, subscription.name == at)))',
    message: 'reservedAt of a class names a subscription that is not there',
    fieldPath: '.classes',
  },
  {
    rule: `!has(self.budget.inbound) || ${reservedFor('Inbound')} <= self.budget.inbound`,
    message: 'holds fewer sessions than Inbound classes reserve: raise it or reserve less',
    fieldPath: '.budget.inbound',
  },
  {
    rule: `!has(self.budget.outbound) || ${reservedFor('Outbound')} <= self.budget.outbound`,
    message: 'holds fewer sessions than Outbound classes reserve: raise it or reserve less',
    fieldPath: '.budget.outbound',
  },
  {
    rule: `!has(self.budget.maxConcurrentSessions) || ${reservedByAll} <= self.budget.maxConcurrentSessions`,
    message: 'holds fewer sessions than the classes reserve: raise it or reserve less',
    fieldPath: '.budget.maxConcurrentSessions',
  },
  {
    rule: `!has(self.budget.inbound) || !has(self.budget.outbound) || ${reservedByAll} <= self.budget.inbound + self.budget.outbound`,
    message: 'inbound and outbound together hold fewer sessions than the classes reserve: raise them or reserve less',
    fieldPath: '.budget',
  },
];
