import type { BadManifest } from './bad-manifests.ts';

/** What can be wrong with workers and their number, one change to the sound pool each. */

const template = (value: unknown) => ({ 'spec.workers': { podTemplate: value } });
const schedule = (over: Readonly<Record<string, unknown>>) => ({
  'spec.scaling': { schedules: [{ name: 'day', timezone: 'UTC', start: '08:00', end: '17:00', minReplicas: 3, ...over }] },
});
const firstSchedule = 'spec.scaling.schedules[0]';

export const badFleetFields: readonly BadManifest[] = [
  [
    'an address that is said to keep state',
    { 'spec.handler': { url: 'https://team.example.com', stateful: true } },
    'spec.handler.stateful',
    'goes with module only',
  ],
  ['a deletion policy of another kind', { 'spec.deletionPolicy': 'Delete' }, 'spec.deletionPolicy', 'must be one of Retain, Purge'],
  ['an image with a space', { 'spec.workers': { image: 'trunkline latest' } }, 'spec.workers.image', 'must be the name of an image'],
  [
    'processors without quotes',
    { 'spec.workers': { resources: { requests: { cpu: 1 } } } },
    'spec.workers.resources.requests.cpu',
    'put it in quotes',
  ],
  [
    'processors in bytes',
    { 'spec.workers': { resources: { requests: { cpu: '1Gi' } } } },
    'spec.workers.resources.requests.cpu',
    'such as 500m or 2',
  ],
  [
    'next to no processor',
    { 'spec.workers': { resources: { requests: { cpu: '1m' } } } },
    'spec.workers.resources.requests.cpu',
    'between 10m and 64',
  ],
  [
    'memory for nothing',
    { 'spec.workers': { resources: { requests: { memory: '1Mi' } } } },
    'spec.workers.resources.requests.memory',
    'between 64Mi and 256Gi',
  ],
  [
    'memory in milli',
    { 'spec.workers': { resources: { limits: { memory: '512m' } } } },
    'spec.workers.resources.limits.memory',
    'such as 512Mi',
  ],
  ['a part of a pod that may not be set', template({ hostNetwork: true }), 'spec.workers.podTemplate.hostNetwork', 'is not a field here'],
  ['a label value with a space', template({ labels: { team: 'a b' } }), 'spec.workers.podTemplate.labels.team', 'must be a label value'],
  [
    "a label that is the operator's",
    template({ labels: { 'app.kubernetes.io/name': 'voice' } }),
    'spec.workers.podTemplate.labels',
    'the operator sets itself',
  ],
  [
    "an annotation that is the operator's",
    template({ annotations: { 'trunkline.dev/pool': 'sales' } }),
    'spec.workers.podTemplate.annotations',
    'the operator sets itself',
  ],
  [
    'seventeen labels of a node',
    template({ nodeSelector: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v'])) }),
    'spec.workers.podTemplate.nodeSelector',
    'at most 16 entries',
  ],
  [
    'a taint with an effect of its own',
    template({ tolerations: [{ key: 'a', effect: 'No' }] }),
    'spec.workers.podTemplate.tolerations[0].effect',
    'must be one of NoSchedule',
  ],
  [
    'an affinity of another kind',
    template({ affinity: { podAfinity: {} } }),
    'spec.workers.podTemplate.affinity.podAfinity',
    'did you mean podAffinity?',
  ],
  [
    'an affinity that is a list',
    template({ affinity: { podAffinity: [] } }),
    'spec.workers.podTemplate.affinity.podAffinity',
    'must be a mapping of fields',
  ],
  [
    'a priority class in capitals',
    template({ priorityClassName: 'Voice' }),
    'spec.workers.podTemplate.priorityClassName',
    'name of a PriorityClass',
  ],
  ['no worker at least', { 'spec.scaling': { minReplicas: 0 } }, 'spec.scaling.minReplicas', 'must be at least 1'],
  ['more workers than there may be', { 'spec.scaling': { maxReplicas: 1_001 } }, 'spec.scaling.maxReplicas', 'must be at most 1000'],
  ['use above all slots', { 'spec.scaling': { slotUtilization: '1.1' } }, 'spec.scaling.slotUtilization', 'between 0.1 and 1'],
  ['use in percent', { 'spec.scaling': { slotUtilization: '70%' } }, 'spec.scaling.slotUtilization', 'must be a decimal in quotes'],
  [
    'a backlog that starts at once',
    { 'spec.scaling': { drainBacklogWithin: '0s' } },
    'spec.scaling.drainBacklogWithin',
    'between 1s and 1h',
  ],
  ['latency that nothing reaches', { 'spec.scaling': { dispatchLatency: '1ms' } }, 'spec.scaling.dispatchLatency', 'between 10ms and 20s'],
  ['half a slot kept ready', { 'spec.scaling': { buffer: { sessions: 0.5 } } }, 'spec.scaling.buffer.sessions', 'must be a whole number'],
  ['a forecast, which is of a later release', { 'spec.scaling': { forecast: {} } }, 'spec.scaling.forecast', 'is not a field here'],
  ['a schedule without zone', schedule({ timezone: undefined }), `${firstSchedule}.timezone`, 'is required'],
  ['a zone that is no name', schedule({ timezone: 'my zone' }), `${firstSchedule}.timezone`, 'must be a time zone such as'],
  ['a day in full', schedule({ days: ['Monday'] }), `${firstSchedule}.days[0]`, 'must be one of Mon'],
  ['no day', schedule({ days: [] }), `${firstSchedule}.days`, 'at least 1 entry'],
  ['an hour of one digit', schedule({ start: '8:00' }), `${firstSchedule}.start`, 'must be a time of day'],
  ['a start at the end of the day', schedule({ start: '24:00' }), `${firstSchedule}.start`, 'must be a time of day'],
  [
    'a pace by the pod',
    { 'spec.scaling': { behavior: { scaleUp: { policies: [{ type: 'Pods', value: 1, period: '15s' }] } } } },
    'spec.scaling.behavior.scaleUp.policies[0].type',
    'must be one of Workers, Percent',
  ],
  [
    'a pace without time',
    { 'spec.scaling': { behavior: { scaleDown: { policies: [{ type: 'Percent', value: 50 }] } } } },
    'spec.scaling.behavior.scaleDown.policies[0].period',
    'is required',
  ],
];

export const badFleetRules: readonly BadManifest[] = [
  [
    'more workers at least than at most',
    { 'spec.scaling': { minReplicas: 5, maxReplicas: 4 } },
    'spec.scaling.minReplicas',
    'must not be more than maxReplicas (4)',
  ],
  [
    'two schedules of one name',
    {
      'spec.scaling': {
        schedules: ['08:00', '12:00'].map((start) => ({ name: 'day', timezone: 'UTC', start, end: '13:00', minReplicas: 3 })),
      },
    },
    'spec.scaling.schedules[1].name',
    'names of schedules are unique',
  ],
  ['a day listed twice', schedule({ days: ['Mon', 'Mon'] }), `${firstSchedule}.days[1]`, 'list a day once'],
  ['a schedule that changes nothing', schedule({ minReplicas: undefined }), firstSchedule, 'must have minReplicas, maxReplicas or both'],
  ['a floor above its cap', schedule({ maxReplicas: 2 }), `${firstSchedule}.minReplicas`, 'must not be more than maxReplicas (2)'],
  ['a window without time', schedule({ end: '08:00' }), `${firstSchedule}.end`, 'must not be start'],
  [
    'a floor above the pool',
    schedule({ minReplicas: 21 }),
    `${firstSchedule}.minReplicas`,
    'must not be more than scaling.maxReplicas (20)',
  ],
  [
    'a cap below the pool',
    schedule({ minReplicas: undefined, maxReplicas: 1 }),
    `${firstSchedule}.maxReplicas`,
    'must not be less than scaling.minReplicas (2)',
  ],
  [
    'more processors asked for than allowed',
    { 'spec.workers': { resources: { requests: { cpu: '1' }, limits: { cpu: '999m' } } } },
    'spec.workers.resources.requests.cpu',
    'must not be more than limits.cpu (999m)',
  ],
  [
    'less memory allowed than asked for by default',
    { 'spec.workers': { resources: { limits: { memory: '128Mi' } } } },
    'spec.workers.resources.requests.memory',
    'must not be more than limits.memory (128Mi)',
  ],
  [
    'a taint without key or Exists',
    template({ tolerations: [{ value: 'a' }] }),
    'spec.workers.podTemplate.tolerations[0].operator',
    'must be Exists',
  ],
  [
    'a value that does not count',
    template({ tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] }),
    'spec.workers.podTemplate.tolerations[0].value',
    'goes with operator Equal only',
  ],
  [
    'a stay that no effect ends',
    template({ tolerations: [{ key: 'a', effect: 'NoSchedule', tolerationSeconds: 5 }] }),
    'spec.workers.podTemplate.tolerations[0].tolerationSeconds',
    'goes with effect NoExecute only',
  ],
];

export const finerFleets: readonly BadManifest[] = [
  ['a zone that does not exist', schedule({ timezone: 'Mars/Olympus' }), `${firstSchedule}.timezone`, 'is no time zone'],
  [
    'a label key that Kubernetes refuses',
    template({ labels: { 'a/b/c': 'd' } }),
    'spec.workers.podTemplate.labels["a/b/c"]',
    'must be a key of Kubernetes',
  ],
  [
    'an affinity of many words',
    template({ affinity: { nodeAffinity: { note: 'x'.repeat(16_384) } } }),
    'spec.workers.podTemplate.affinity.nodeAffinity',
    'at most 16384 characters',
  ],
];
