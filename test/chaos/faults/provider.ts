import { scenario } from '../../../simulator/contract.ts';
import { between, chance, oneOf } from '../dice.ts';
import { type Family, type Fault, nothing, type Stage } from '../fault.ts';

/** A provider that fails: the scenario says so from the beginning, so there is nothing to do while it runs. */

const base = scenario.parse({ traffic: [] }).provider;

function scripted(fault: Pick<Fault, 'told' | 'refusals' | 'flow' | 'provider' | 'traffic'>): Fault {
  return { atMs: 0, lastsMs: 0, inflict: async () => undefined, ...fault };
}

function family(name: string, draw: (random: () => number, stage: Stage) => Fault): Family {
  return { name, group: 'provider', lacks: nothing, draw };
}

const share = (random: () => number, min: number, max: number) => Math.round((min + random() * (max - min)) * 1_000) / 1_000;

export const outage = family('provider outage', (random, { spec }) => {
  const projects = spec.subscriptions.flatMap((subscription) => subscription.projects.map(({ name }) => name));
  const whole = chance(random, 0.4);
  const hit = whole ? projects : projects.slice(0, 1);
  const status = oneOf(random, [500, 502, 503, 429, 401] as const);
  // Counted from the simulator's start, which is some seconds before there is traffic.
  const fromSeconds = between(random, 8, 12);
  const forSeconds = between(random, 1, 5);
  return scripted({
    told: `creations answered ${status} in ${hit.join(', ')} for ${forSeconds} s`,
    refusals: 'none',
    flow: 'may-wait',
    provider: { outages: hit.map((project) => ({ project, fromSeconds, toSeconds: fromSeconds + forSeconds, status })) },
  });
});

export const creationStorm = family('creations fail', (random) => {
  const creations = {
    timeoutAfter: share(random, 0, 0.04),
    errorBefore: share(random, 0.01, 0.06),
    errorAfter: share(random, 0.01, 0.06),
  };
  const listLagSeconds = between(random, 0, 4);
  return scripted({
    told: `${JSON.stringify(creations)}, lists ${listLagSeconds} s behind`,
    refusals: 'none',
    flow: 'may-wait',
    provider: { creations, listLagSeconds },
  });
});

export const webhooksAstray = family('webhooks astray', (random, { speed }) => {
  const lateRealSeconds = chance(random, 0.5) ? between(random, 1, 2) : between(random, 8, 14);
  const webhooks = {
    ...base.webhooks,
    lost: share(random, 0, 0.3),
    doubled: share(random, 0, 0.3),
    late: share(random, 0.1, 0.4),
    lateSeconds: lateRealSeconds * speed,
  };
  return scripted({
    told: `lost ${webhooks.lost}, doubled ${webhooks.doubled}, late ${webhooks.late} by ${lateRealSeconds} s, and so out of order`,
    refusals: 'none',
    flow: 'may-wait',
    provider: { webhooks },
  });
});

export const webhooksGone = family('no webhooks at all', () =>
  scripted({
    told: 'everything but assistant requests is lost',
    refusals: 'none',
    flow: 'may-wait',
    provider: { webhooks: { ...base.webhooks, none: true } },
  }),
);

export const lateRelease = family('lines freed late', (random, { speed }) => {
  const maxSeconds = between(random, 1, 3);
  const limitsInAnswers = chance(random, 0.5);
  return scripted({
    told: `up to ${maxSeconds} s after the end${limitsInAnswers ? '' : ', and answers tell no limits'}`,
    refusals: 'explained',
    flow: 'goes-on',
    provider: { releaseLagSeconds: { min: 0, max: maxSeconds * speed }, limitsInAnswers },
  });
});

export const linesTaken = family('foreign calls', (random, { spec }) => {
  const subscription = spec.subscriptions[between(random, 0, spec.subscriptions.length - 1)];
  const name = subscription?.name ?? '';
  const lines = between(random, 1, Math.max(1, Math.floor((subscription?.concurrencyLimit ?? 2) / 2)));
  const [fromSeconds, forSeconds, visible] = [between(random, 1, 5), between(random, 3, 9), chance(random, 0.5)];
  return scripted({
    told: `${lines} lines of ${name}, ${visible ? 'seen in lists' : 'unseen'}, for ${forSeconds} s`,
    refusals: 'explained',
    flow: 'goes-on',
    traffic: [{ kind: 'foreign', subscription: name, lines, fromSeconds, toSeconds: fromSeconds + forSeconds, visible }],
  });
});

export const linesCancelled = family('lines cancelled and bought again', (random, { spec }) => {
  const subscription = spec.subscriptions[between(random, 0, spec.subscriptions.length - 1)];
  const name = subscription?.name ?? '';
  const full = subscription?.concurrencyLimit ?? 2;
  const limit = between(random, 1, full - 1);
  const [atSeconds, forSeconds] = [between(random, 2, 6), between(random, 3, 6)];
  const forGood = chance(random, 0.4);
  return scripted({
    told: `${name} has ${limit} of ${full} lines ${forGood ? 'from then on' : `for ${forSeconds} s`}`,
    refusals: 'explained',
    // A lowered ceiling admits nothing until it has drained (I1), and the way back is probed half a minute later.
    flow: 'may-wait',
    provider: {
      limits: [
        { subscription: name, atSeconds, limit },
        ...(forGood ? [] : [{ subscription: name, atSeconds: atSeconds + forSeconds, limit: full }]),
      ],
    },
  });
});
