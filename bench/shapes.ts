import { type PoolManifest, poolManifest } from '../crds/pool.ts';

/** What a pool of a bench has of everything. One axis is varied at a time, around what {@link benchPool} has. */
export type Shape = {
  /** Lines that outbound sessions can have. */
  readonly slots: number;
  readonly projects: number;
  readonly classes: number;
  readonly limits: Limits;
};

/** How many limits an admission is counted against: the subscription's; the pool's and the class's too; direction and two upstreams as well. */
export type Limits = 1 | 3 | 6;

export const ordinary = { projects: 4, classes: 3, limits: 1 } as const;

/** Most projects that a subscription may have. */
const perSubscription = 16;

/** A pool of that shape. With two classes or more, the first is inbound and has a tenth of the lines reserved. */
export function shapedPool({ slots, projects, classes, limits }: Shape): PoolManifest {
  const reserved = classes === 1 ? 0 : Math.max(1, Math.round(slots / 9));
  const lines = slots + reserved;
  const subscriptions = Math.ceil(projects / perSubscription);
  return poolManifest.parse({
    apiVersion: 'trunkline.dev/v1alpha1',
    kind: 'VoiceCapacityPool',
    metadata: { name: 'bench' },
    spec: {
      budget: { ...(limits >= 3 ? { maxConcurrentSessions: lines } : {}), ...(limits >= 6 ? { outbound: slots } : {}) },
      subscriptions: Array.from({ length: subscriptions }, (_, index) => ({
        name: subscriptionAt(index),
        concurrencyLimit: Math.floor(lines / subscriptions) + (index < lines % subscriptions ? 1 : 0),
        projects: Array.from({ length: Math.min(perSubscription, projects - index * perSubscription) }, (_, at) =>
          projectAt(index * perSubscription + at, limits),
        ),
      })),
      upstreams: limits >= 6 ? ['carrier', 'voices'].map((name) => ({ name, concurrencyLimit: lines })) : [],
      classes: [
        ...(classes === 1 ? [] : [{ name: 'vip', priority: 1000, direction: 'Inbound', assistant: 'reception', reserved }]),
        ...outboundClasses({ classes }).map((name) => ({
          name,
          priority: 100,
          direction: 'Outbound',
          assistant: 'seller',
          queue: { maxDepth: 20_000_000 },
          ...(limits >= 3 ? { limit: slots } : {}),
        })),
      ],
    },
  });
}

const subscriptionAt = (index: number) => (index === 0 ? 'main' : `main-${index + 1}`);

function projectAt(index: number, limits: Limits): object {
  const name = `project-${index + 1}`;
  return {
    name,
    apiKeySecretRef: { name: `vapi-${name}`, key: 'apiKey' },
    webhookSecretRef: { name: `vapi-${name}`, key: 'webhookSecret' },
    requestsPerMinute: 100_000,
    assistants: [
      { name: 'seller', id: `seller-${name}` },
      { name: 'reception', id: `reception-${name}` },
    ],
    phoneNumbers: [{ id: `number-${name}`, number: `+1415555${String(100 + index).padStart(4, '0')}` }],
    upstreams: limits >= 6 ? ['carrier', 'voices'] : [],
  };
}

/** The classes that dial; `campaign` is always one of them. */
export function outboundClasses({ classes }: Pick<Shape, 'classes'>): readonly string[] {
  return Array.from({ length: Math.max(1, classes - 1) }, (_, index) => (index === 0 ? 'campaign' : `campaign-${index + 1}`));
}
