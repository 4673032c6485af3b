import type { PoolSpec } from '../../../crds/pool.ts';
import { subscriptionName, upstreamName } from '../../../crds/values.ts';
import { writePolicy } from '../../../ledger/policy.ts';
import { between, oneOf } from '../dice.ts';
import { type Family, type Fault, nothing, type Stage } from '../fault.ts';
import { pause, until } from '../waiting.ts';
import type { World } from '../world.ts';

/** The policy changes while calls live, and back again. */

function changed(spec: PoolSpec, told: string, random: () => number): Fault {
  const forMs = between(random, 1_500, 6_000);
  return {
    told: `${told} for ${forMs} ms`,
    atMs: between(random, 1_500, 6_000),
    lastsMs: forMs,
    refusals: 'none',
    flow: 'goes-on',
    async inflict(world, signal) {
      await write(world, spec, signal);
      await pause(forMs, signal);
      // Also when the time is over: the pool goes on as it was declared.
      await write(world, world.draw.spec, AbortSignal.timeout(15_000));
    },
  };
}

/** The ledger may be away just now: tried until it takes the policy. */
async function write({ database, draw, team, note }: World, spec: PoolSpec, signal: AbortSignal): Promise<void> {
  const written = await until(() => writePolicy(database, draw.pool.name, team.placed(spec)), { ms: 15_000, everyMs: 100, signal });
  note(written === undefined ? 'the ledger took no policy' : `policy ${written.version} is in force`);
}

function family(name: string, draw: (random: () => number, stage: Stage) => Fault): Family {
  return { name, group: 'policy', lacks: nothing, draw };
}

export const linesLowered = family('lines lowered and raised', (random, { spec }) => {
  const keep = 0.3 + random() * 0.5;
  const subscriptions = spec.subscriptions.map((one) => ({
    ...one,
    concurrencyLimit: Math.max(one.safetyMargin + 1, Math.floor(one.concurrencyLimit * keep)),
  }));
  return changed({ ...spec, subscriptions }, `${subscriptions.map(({ concurrencyLimit }) => concurrencyLimit).join(', ')} lines`, random);
});

export const classLimited = family('class limited', (random, { spec }) => {
  const limit = between(random, 1, 3);
  const classes = spec.classes.map((one) => (one.direction === 'Outbound' && (one.reserved ?? 0) <= limit ? { ...one, limit } : one));
  return changed({ ...spec, classes }, `outbound classes have ${limit} slots each`, random);
});

export const poolHeld = family('pool on hold', (random, { spec }) => changed({ ...spec, mode: 'Hold' }, 'mode Hold', random));

export const projectRemoved = family('project removed and added again', (random, stage) => {
  const { spec } = stage;
  const inbound = spec.classes.some(({ direction }) => direction !== 'Outbound');
  const names = spec.subscriptions.flatMap(({ projects }) => projects.map(({ name }) => name));
  // Callers dial the first project's number: without it their class could not run anywhere.
  const candidates = names.filter((name) => names.length > 1 && !(inbound && name === 'project-0'));
  const [first, ...others] = candidates;
  if (first === undefined) return linesLowered.draw(random, stage);
  const gone = oneOf(random, [first, ...others]);
  const subscriptions = spec.subscriptions
    .map((one) => ({ ...one, projects: one.projects.filter(({ name }) => name !== gone) }))
    .filter(({ projects }) => projects.length > 0);
  return changed({ ...spec, subscriptions }, `${gone} is gone`, random);
});

/** What went through the trunk goes through another one; calls that live, and callers who wait, stay on theirs. */
export const ledThroughAnotherTrunk = family('led through another trunk', (random, stage) => {
  const { spec } = stage;
  if (spec.upstreams.length === 0) return linesLowered.draw(random, stage);
  const carrier = upstreamName.parse('carrier');
  const upstreams = [...spec.upstreams, ...spec.upstreams.slice(0, 1).map((trunk) => ({ ...trunk, name: carrier }))];
  const subscriptions = spec.subscriptions.map((one) => ({
    ...one,
    projects: one.projects.map((project) => (project.upstreams.length > 0 ? { ...project, upstreams: [carrier] } : project)),
  }));
  return changed({ ...spec, upstreams, subscriptions }, 'calls go through another trunk', random);
});

/** Each account gets the name of the next; a single one gets a new name. Its lines are the same ones all the while. */
export const subscriptionsRenamed = family('subscriptions renamed', (random, { spec }) => {
  const names = spec.subscriptions.map(({ name }) => name);
  const [first, ...others] = names;
  const next = others.length === 0 || first === undefined ? [subscriptionName.parse('renamed')] : [...others, first];
  const subscriptions = spec.subscriptions.map((one, index) => ({ ...one, name: next[index] ?? one.name }));
  return changed({ ...spec, subscriptions }, `${names.join(', ')} are called ${next.join(', ')}`, random);
});
