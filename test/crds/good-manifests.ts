const front = 'spec.subscriptions[0].projects[0]';
const [vip, desk, campaign] = ['spec.classes[0]', 'spec.classes[1]', 'spec.classes[2]'];

/** Changes to the sound pool that leave it sound, and paths that are warned of. */
export type GoodManifest = readonly [what: string, changes: Readonly<Record<string, unknown>>, warned?: readonly string[]];

export const goodManifests: readonly GoodManifest[] = [
  ['as it is', {}],
  ['in a namespace', { 'metadata.namespace': 'voice' }],
  ['with labels of the cluster', { 'metadata.labels': { team: 'sales' } }],
  ['held', { 'spec.mode': 'Hold' }],
  ['without public URL and webhook secrets', { 'spec.publicUrl': undefined, [`${front}.webhookSecretRef`]: undefined }, ['spec.publicUrl']],
  ['with a bearer credential', { [`${front}.webhookAuth`]: { type: 'Bearer', credentialId: 'c1' } }],
  ['with signed webhooks', { [`${front}.webhookAuth`]: { type: 'Hmac', credentialId: 'c1' } }],
  ['with an address of its own', { [`${front}.baseUrl`]: 'http://127.0.0.1:9000/api' }],
  ['without accounts', { 'spec.subscriptions[0].accountId': undefined, 'spec.subscriptions[1].accountId': undefined }],
  ['without budget', { 'spec.budget': undefined }],
  ['where reserves take the whole budget', { 'spec.budget': { maxConcurrentSessions: 11 } }],
  ['where reserves take all lines', { [`${campaign}.reserved`]: 21 }],
  ['where a class reserves all that it may use', { [`${vip}.limit`]: 5 }],
  ['without destinations', { 'spec.destinations': undefined }],
  ['with a handler of its own', { 'spec.handler': { url: 'https://logic.example.com' } }],
  ['with a message of 1000 emoji', { [`${vip}.overflow`]: [{ message: '\u{1F4DE}'.repeat(1_000) }] }],
  ['with a module as handler', { 'spec.handler': { module: './logic.mjs', timeout: '500ms' } }],
  [
    'with a module that keeps state',
    { 'spec.handler': { module: './logic.mjs', stateful: true }, 'spec.workers': { drain: { timeout: '10m' } } },
  ],
  ['with results', { 'spec.results': { url: 'https://crm.example.com' } }],
  ['with equal priorities and different numbers', { [`${desk}.priority`]: 1000 }],
  ['with equal priorities, one narrower by its number', { [`${desk}.priority`]: 1000, [`${desk}.match`]: undefined }],
  [
    'with equal priorities and different callers',
    {
      [`${desk}.priority`]: 1000,
      [`${desk}.match`]: { dialled: ['+14155550100', '+442079460100'], callers: ['+44'] },
      [`${vip}.match.callers`]: ['+1'],
    },
  ],
  [
    'with equal priorities and labels that exclude each other',
    {
      [`${desk}.priority`]: 1000,
      [`${desk}.match`]: { dialled: ['+14155550100', '+442079460100'], labels: { tier: 'gold' } },
      [`${vip}.match.labels`]: { tier: 'silver' },
    },
  ],
  ['with a caller who does not wait', { [`${vip}.maxWait`]: '0s' }],
  ['with a lower class that may starve', { [`${campaign}.reserved`]: undefined, [`${vip}.limit`]: undefined }, [campaign]],
  ['with a lower class that a limit protects', { [`${campaign}.reserved`]: undefined, [`${vip}.limit`]: 15 }],
  [
    'with a lower class that a direction limit protects',
    { [`${campaign}.reserved`]: undefined, [`${vip}.limit`]: undefined, 'spec.budget': { inbound: 15 } },
  ],
  [
    'with a lower class that has a subscription to itself',
    {
      [`${campaign}.reserved`]: undefined,
      [`${vip}.limit`]: undefined,
      'spec.subscriptions[1].projects[0].assistants[2]': { name: 'seller', id: 'a6' },
      'spec.subscriptions[1].projects[0].phoneNumbers[0].labels': { use: 'sales' },
    },
  ],
  ['whose waiting sessions end with it', { 'spec.deletionPolicy': 'Purge' }],
  ['with an image of its own', { 'spec.workers': { image: 'registry.example.com:5000/voice/trunkline@sha256:0a1b2c' } }],
  ['with half a processor and no more', { 'spec.workers': { resources: { requests: { cpu: '0.5' }, limits: { cpu: '500m' } } } }],
  ['with memory written in two ways', { 'spec.workers': { resources: { requests: { memory: '1024Mi' }, limits: { memory: '1Gi' } } } }],
  [
    'whose workers put up with every taint, and keep away from each other',
    {
      'spec.workers': {
        podTemplate: {
          labels: { 'example.com/team': 'voice', empty: '' },
          tolerations: [{ operator: 'Exists' }, { key: 'example.com/voice', effect: 'NoSchedule' }],
          affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname' }] } },
        },
      },
    },
  ],
  ['of one worker', { 'spec.scaling': { minReplicas: 1, maxReplicas: 1 } }],
  ['that never takes a worker away', { 'spec.scaling': { behavior: { scaleDown: { selectPolicy: 'Disabled' } } } }],
  [
    'with a floor by day and a cap by night',
    {
      'spec.scaling': {
        schedules: [
          { name: 'day', timezone: 'Europe/Berlin', days: ['Mon', 'Fri'], start: '08:00', end: '24:00', minReplicas: 20 },
          { name: 'night', timezone: 'UTC', start: '22:00', end: '06:00', maxReplicas: 2 },
        ],
      },
    },
  ],
];
