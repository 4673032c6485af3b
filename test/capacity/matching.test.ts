import { describe, expect, test } from 'vitest';
import { classForSession, classifyArrival } from '../../capacity/matching.ts';
import { aPool, aProject } from '../support/pool.ts';

const sales = '+14155550100';
const support = '+14155550101';
const policy = aPool()
  .withSubscription('main', 9, { projects: ['north', 'south'] })
  .withClass('vip', { priority: 1000, direction: 'Inbound', match: { dialled: [sales], callerPrefixes: ['+1212'] } })
  .withClass('manhattan', { priority: 900, direction: 'Inbound', match: { dialled: [sales], callerPrefixes: ['+1212555'] } })
  .withClass('sales', { priority: 500, direction: 'Inbound', match: { dialled: [sales] } })
  .withClass('gold', { priority: 400, direction: 'Inbound', match: { dialled: [sales], labels: { tier: 'gold' } } })
  .withClass('any', { priority: 300, direction: 'Any', projects: ['north'] })
  .withClass('low', { priority: 1, direction: 'Any', projects: ['north'] })
  .withClass('campaign', { priority: 100, direction: 'Outbound', projects: ['south'], match: { labels: { kind: 'sale' } } })
  .policy();

describe('an inbound call belongs to', () => {
  test.each([
    { name: 'the class of the number dialled', dialled: sales, caller: '+4420', class: 'sales' },
    { name: 'the class of the caller', dialled: sales, caller: '+12129990000', class: 'vip' },
    { name: 'the longest prefix of the caller', dialled: sales, caller: '+12125550000', class: 'manhattan' },
    { name: 'the class of its labels', dialled: sales, caller: '+4420', labels: { tier: 'gold' }, class: 'gold' },
    { name: 'a class without conditions, the highest one', dialled: support, caller: '+4420', class: 'any' },
    { name: 'no class of callers when the caller is withheld', dialled: sales, caller: undefined, class: 'sales' },
    { name: 'no class when none may run in its project', dialled: support, caller: '+4420', project: 'south', class: undefined },
  ])('$name', ({ dialled, caller, labels, project, class: wanted }) => {
    const arrival = { dialled, caller, labels: labels ?? {}, ...(project && { project: aProject(project) }) };
    expect(classifyArrival(policy, arrival)?.name).toBe(wanted);
  });
});

describe('a session that is handed in', () => {
  test.each([
    { name: 'gets the class it names', asked: { class: 'campaign', direction: 'Outbound' as const }, expect: 'campaign' },
    { name: 'or the first that takes it', asked: { direction: 'Outbound' as const }, expect: 'any' },
    { name: 'by its labels', asked: { direction: 'Outbound' as const, project: 'south', labels: { kind: 'sale' } }, expect: 'campaign' },
  ])('$name', ({ asked, expect: wanted }) => {
    expect(classForSession(policy, { labels: {}, ...asked })).toMatchObject({ name: wanted });
  });

  test.each([
    { name: 'a class that is not there', asked: { class: 'gone', direction: 'Outbound' as const }, field: 'class' },
    { name: 'a direction that the class does not take', asked: { class: 'vip', direction: 'Outbound' as const }, field: 'direction' },
    { name: 'a project that is not there', asked: { direction: 'Outbound' as const, project: 'gone' }, field: 'project' },
    {
      name: 'a project where the class cannot run',
      asked: { class: 'any', direction: 'Outbound' as const, project: 'south' },
      field: 'project',
    },
    { name: 'no class that would take it', asked: { direction: 'Outbound' as const, project: 'south' }, field: 'class' },
  ])('is refused with the field at fault: $name', ({ asked, field }) => {
    expect(classForSession(policy, { labels: {}, ...asked })).toMatchObject({ field });
  });
});
