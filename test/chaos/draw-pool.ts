import { type PoolName, poolName } from '../../crds/values.ts';
import type { Random } from '../../simulator/random.ts';
import { between, chance } from './dice.ts';

/** Draws a pool: one to three subscriptions, one to four projects, two to four classes. As a manifest, so that the product's own reader judges it. */

type Manifest = { readonly apiVersion: string; readonly kind: string; readonly metadata: object; readonly spec: object };

export type DrawnPool = {
  readonly name: PoolName;
  readonly manifest: Manifest;
  /** The number that callers dial, when the pool takes calls. */
  readonly inboundNumber: string | undefined;
  readonly outboundClasses: readonly string[];
  readonly projects: readonly string[];
};

const name = poolName.parse('chaos');

/** `team`: what of the spec says where the team's own logic is. */
export function drawPool(random: Random, team: object): DrawnPool {
  const inbound = chance(random, 0.7);
  const projects = between(random, 1, 4);
  const subscriptions = between(random, 1, Math.min(3, projects));
  const trunk = chance(random, 0.4);
  const limits = Array.from({ length: subscriptions }, () => between(random, 8, 24));
  const projectList = Array.from({ length: projects }, (_, index) => drawProject(random, index, trunk));
  const lines = limits.reduce((sum, limit) => sum + limit, 0);
  const classes = drawClasses(random, inbound, lines);
  return {
    name,
    manifest: {
      apiVersion: 'trunkline.dev/v1alpha1',
      kind: 'VoiceCapacityPool',
      metadata: { name },
      spec: {
        subscriptions: limits.map((concurrencyLimit, index) => ({
          name: `account-${index}`,
          accountId: `sub-${index}`,
          concurrencyLimit,
          safetyMargin: inbound && index === 0 ? 2 : between(random, 0, 1),
          ...(chance(random, 0.5) ? { callsPerSecond: String(between(random, 8, 25)) } : {}),
          projects: projectList.filter((_, place) => place % subscriptions === index),
        })),
        ...(trunk ? { upstreams: [{ name: 'trunk', concurrencyLimit: Math.max(4, Math.floor(lines * 0.8)) }] } : {}),
        ...(chance(random, 0.3) ? { budget: { outbound: Math.max(3, Math.floor(lines * 0.7)) } } : {}),
        destinations: { allow: ['+1'], maxDialsPerDay: 5 },
        // Short ringing, so that lines change hands often.
        session: { maxDuration: '2m', ringTimeout: '15s' },
        // Nothing is forgotten while the history is being judged.
        retention: { sessions: '720h', phoneNumbers: '168h' },
        classes,
        ...team,
        workers: { sessionsPerWorker: 50, drain: { timeout: '5s' } },
      },
    },
    inboundNumber: inbound ? numberOf(0) : undefined,
    outboundClasses: classes.filter((one) => one.direction === 'Outbound').map(({ name }) => name),
    projects: projectList.map((_, index) => projectName(index)),
  };
}

const projectName = (index: number) => `project-${index}`;
const numberOf = (index: number) => `+1415555010${index}`;

function drawProject(random: Random, index: number, trunk: boolean): object {
  const name = projectName(index);
  const id = (of: number) => `00000000-0000-4000-8000-0000000${index}000${of}`;
  return {
    name,
    apiKeySecretRef: { name, key: 'apiKey' },
    webhookSecretRef: { name, key: 'webhookSecret' },
    requestsPerMinute: 1_200,
    weight: between(random, 1, 3),
    // Callers reach only the first project, so only there is somebody to answer them.
    assistants: [...(index === 0 ? [{ name: 'reception', id: id(1) }] : []), { name: 'seller', id: id(2) }],
    phoneNumbers: [{ id: id(3), number: numberOf(index) }],
    ...(trunk && chance(random, 0.6) ? { upstreams: ['trunk'] } : {}),
  };
}

type DrawnClass = { readonly name: string; readonly direction: 'Inbound' | 'Outbound' };

function drawClasses(random: Random, inbound: boolean, lines: number): readonly DrawnClass[] {
  const vip = {
    name: 'vip',
    priority: 1_000,
    direction: 'Inbound' as const,
    assistant: 'reception',
    reserved: between(random, 1, 3),
    match: { dialled: [numberOf(0)] },
    maxWait: '2s',
  };
  const together = chance(random, 0.5) ? { affinity: ['client'] } : {};
  const campaign = { ...outbound('campaign', 100), weight: between(random, 1, 3), ...together };
  const callback = {
    ...outbound('callback', 500),
    limit: between(random, 2, Math.max(3, Math.floor(lines / 2))),
    ...(chance(random, 0.5) ? { reserved: 1 } : {}),
  };
  const survey = { ...outbound('survey', 100), weight: between(random, 1, 3), ...together };
  const drawn = [campaign, ...(chance(random, 0.6) ? [callback] : []), ...(chance(random, 0.4) ? [survey] : [])];
  if (inbound) return [vip, ...drawn];
  return drawn.length === 1 ? [...drawn, callback] : drawn;
}

function outbound(name: string, priority: number) {
  return {
    name,
    priority,
    direction: 'Outbound' as const,
    assistant: 'seller',
    queue: { maxDepth: 10_000 },
    retry: { maxAttempts: 3, outcomes: ['Busy', 'NoAnswer', 'ProviderFault'], backoff: { initial: '1s', max: '4s' } },
  };
}
