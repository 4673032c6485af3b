import { badFleetFields, badFleetRules, finerFleets } from './bad-fleets.ts';

/**
 * Manifests that are wrong in one way each, told apart by who can find it. `schema`: a field is wrong by itself. `CEL`: fields do not fit each other. An
 * API server refuses both just as we do. `semantic`: only we refuse it, and an operator says so in the condition Accepted.
 */

/** One change to the sound pool, the field that is blamed for it, and what a person is told. */
export type BadManifest = readonly [what: string, changes: Readonly<Record<string, unknown>>, path: string, message: string | RegExp];
export type Tier = 'schema' | 'CEL' | 'semantic';

const front = 'spec.subscriptions[0].projects[0]';
const back = 'spec.subscriptions[0].projects[1]';
const far = 'spec.subscriptions[1].projects[0]';
const [vip, desk, campaign] = ['spec.classes[0]', 'spec.classes[1]', 'spec.classes[2]'];

const fields: readonly BadManifest[] = [
  ['another API version', { apiVersion: 'v1' }, 'apiVersion', 'must be trunkline.dev/v1alpha1'],
  ['another kind', { kind: 'Pool' }, 'kind', 'must be VoiceCapacityPool'],
  ['no metadata', { metadata: undefined }, 'metadata', 'is required'],
  ['a pool name in capitals', { 'metadata.name': 'Sales' }, 'metadata.name', 'lower-case letters'],
  ['a pool name of 41 characters', { 'metadata.name': 'a'.repeat(41) }, 'metadata.name', 'at most 40 characters'],
  ['an empty name', { 'metadata.name': '' }, 'metadata.name', 'must not be empty'],
  ['no spec', { spec: undefined }, 'spec', 'is required'],
  ['a misspelt field', { 'spec.clases': [] }, 'spec.clases', 'did you mean classes?'],
  ['a field in other letters', { [`${vip}.maxwait`]: '1s' }, `${vip}.maxwait`, 'did you mean maxWait?'],
  ['a field cut short', { [`${front}.apiKey`]: 'x' }, `${front}.apiKey`, 'did you mean apiKeySecretRef?'],
  ['a field unlike any other', { [`${vip}.zzz`]: 1 }, `${vip}.zzz`, 'the fields are name, priority, direction'],
  ['a field of a later release', { [`${vip}.windows`]: [] }, `${vip}.windows`, 'is not a field here'],
  ['a mode that does not exist', { 'spec.mode': 'active' }, 'spec.mode', 'must be one of Active, Hold, Observe; did you mean Active?'],
  ['a public URL without scheme', { 'spec.publicUrl': 'voice.example.com' }, 'spec.publicUrl', 'must be an absolute http or https URL'],
  ['a URL with a password', { 'spec.publicUrl': 'https://u:p@example.com' }, 'spec.publicUrl', 'without user name, password'],
  ['no subscription', { 'spec.subscriptions': [] }, 'spec.subscriptions', 'at least 1 entry'],
  ['a mapping instead of a list', { 'spec.subscriptions': { main: 1 } }, 'spec.subscriptions', 'must be a list, but is a mapping'],
  ['nothing after the colon', { 'spec.classes': null }, 'spec.classes', 'must be a list, but is empty'],
  ['a limit in quotes', { 'spec.subscriptions[0].concurrencyLimit': '30' }, 'spec.subscriptions[0].concurrencyLimit', 'drop the quotes'],
  ['a limit of zero', { 'spec.subscriptions[0].concurrencyLimit': 0 }, 'spec.subscriptions[0].concurrencyLimit', 'must be at least 1'],
  [
    'a limit above the bound',
    { 'spec.subscriptions[0].concurrencyLimit': 10_001 },
    'spec.subscriptions[0].concurrencyLimit',
    'must be at most 10000',
  ],
  ['half a slot', { [`${vip}.reserved`]: 1.5 }, `${vip}.reserved`, 'must be a whole number'],
  ['a rate without quotes', { 'spec.subscriptions[0].callsPerSecond': 2 }, 'spec.subscriptions[0].callsPerSecond', 'put it in quotes'],
  ['a rate of zero', { 'spec.subscriptions[0].callsPerSecond': '0' }, 'spec.subscriptions[0].callsPerSecond', 'must be more than 0'],
  ['a rate with a unit', { 'spec.subscriptions[0].callsPerSecond': '2/s' }, 'spec.subscriptions[0].callsPerSecond', 'such as "2" or "0.5"'],
  ['a region that does not exist', { 'spec.subscriptions[0].region': 'asia' }, 'spec.subscriptions[0].region', 'must be one of us, eu'],
  ['a number without quotes', { [`${front}.phoneNumbers[0].number`]: 14155550100 }, `${front}.phoneNumbers[0].number`, 'put it in quotes'],
  ['a number without plus', { [`${front}.phoneNumbers[0].number`]: '4155550100' }, `${front}.phoneNumbers[0].number`, 'E.164'],
  ['a prefix with spaces', { 'spec.destinations.allow': ['+1 415'] }, 'spec.destinations.allow[0]', 'a prefix of E.164 numbers'],
  ['a country in small letters', { 'spec.destinations.allow': ['us'] }, 'spec.destinations.allow[0]', 'must be a country such as US'],
  ['no assistant', { [`${front}.assistants`]: [] }, `${front}.assistants`, 'at least 1 entry'],
  ['a secret without key', { [`${front}.apiKeySecretRef`]: { name: 'front' } }, `${front}.apiKeySecretRef.key`, 'is required'],
  ['a secret key that climbs', { [`${front}.apiKeySecretRef.key`]: '..' }, `${front}.apiKeySecretRef.key`, 'must be a key of a Secret'],
  ['too few requests per minute', { [`${front}.requestsPerMinute`]: 5 }, `${front}.requestsPerMinute`, 'must be at least 6'],
  [
    'an unknown webhook credential',
    { [`${front}.webhookAuth`]: { type: 'Basic' } },
    `${front}.webhookAuth.type`,
    'must be one of Secret, Bearer, Hmac',
  ],
  [
    'an HMAC without body',
    { [`${front}.webhookAuth`]: { type: 'Hmac', credentialId: 'c', payloadFormat: 'x' } },
    `${front}.webhookAuth.payloadFormat`,
    'must contain {body}',
  ],
  [
    'seventeen labels',
    { [`${front}.labels`]: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v'])) },
    `${front}.labels`,
    'at most 16 labels',
  ],
  ['a duration without unit', { [`${vip}.maxWait`]: '3' }, `${vip}.maxWait`, 'must be a duration such as'],
  ['a duration out of bounds', { [`${vip}.maxWait`]: '7s' }, `${vip}.maxWait`, 'must be between 0s and 6s'],
  ['a duration in days', { 'spec.retention': { sessions: '30d' } }, 'spec.retention.sessions', 'must be a duration such as'],
  ['a direction in other letters', { [`${vip}.direction`]: 'inbound' }, `${vip}.direction`, 'did you mean Inbound?'],
  ['a class without assistant', { [`${vip}.assistant`]: undefined }, `${vip}.assistant`, 'is required'],
  [
    'an overflow of two kinds',
    { [`${vip}.overflow`]: [{ message: 'x', transfer: { number: '+12125550199' } }] },
    `${vip}.overflow[0]`,
    'exactly one of message, transfer',
  ],
  ['an overflow of no kind', { [`${vip}.overflow`]: ['later'] }, `${vip}.overflow[0]`, 'exactly one of message, transfer'],
  ['an overflow that is misspelt', { [`${vip}.overflow`]: [{ mesage: 'x' }] }, `${vip}.overflow[0].mesage`, 'did you mean message?'],
  ['an empty message', { [`${vip}.overflow`]: [{ message: '' }] }, `${vip}.overflow[0].message`, 'must not be empty'],
  ['a handler without address', { 'spec.handler': { timeout: '1s' } }, 'spec.handler', 'exactly one of url, module'],
  [
    'an outcome that is never retried',
    { [`${campaign}.retry.outcomes`]: ['Completed'] },
    `${campaign}.retry.outcomes[0]`,
    'must be one of Busy, NoAnswer',
  ],
  ['a bearer credential without id', { [`${front}.webhookAuth`]: { type: 'Bearer' } }, `${front}.webhookAuth.credentialId`, 'is required'],
  [
    'a header where the secret needs none',
    { [`${front}.webhookAuth`]: { type: 'Secret', header: 'x-token' } },
    `${front}.webhookAuth.header`,
    'goes with type Bearer only',
  ],
  [
    'an id where the secret needs none',
    { [`${front}.webhookAuth`]: { type: 'Secret', credentialId: 'c' } },
    `${front}.webhookAuth.credentialId`,
    'goes with type Bearer or type Hmac only',
  ],
  [
    'a hash for a bearer token',
    { [`${front}.webhookAuth`]: { type: 'Bearer', credentialId: 'c', algorithm: 'sha256' } },
    `${front}.webhookAuth.algorithm`,
    'goes with type Hmac only',
  ],
  [
    'an answer of two kinds',
    { [`${desk}.whenUnavailable`]: { message: 'x', transfer: { number: '+12125550199' } } },
    `${desk}.whenUnavailable`,
    'exactly one of message, transfer',
  ],
  [
    'a handler of two kinds',
    { 'spec.handler': { url: 'https://a.example', module: './a.mjs' } },
    'spec.handler',
    'exactly one of url, module',
  ],
  [
    'a secret for a module',
    { 'spec.handler': { module: './a.mjs', secretRef: { name: 'a', key: 'b' } } },
    'spec.handler.secretRef',
    'goes with url only',
  ],
  ['more classes than there may be', { 'spec.classes': Array(33).fill({}) }, 'spec.classes', 'at most 32 entries'],
  ['an account without id', { 'spec.subscriptions[0].accountId': '' }, 'spec.subscriptions[0].accountId', 'must not be empty'],
  [
    'a message of 1001 characters',
    { [`${vip}.overflow`]: [{ message: 'x'.repeat(1_001) }] },
    `${vip}.overflow[0].message`,
    '1000 characters',
  ],
  ['a label value of 64 characters', { [`${front}.labels.geo`]: 'x'.repeat(64) }, `${front}.labels.geo`, '63 characters'],
  ['a duration of many digits', { 'spec.session': { maxDuration: '999999999999h' } }, 'spec.session.maxDuration', 'between 10s and 12h'],
  ['a label key of 64 characters', { [`${front}.labels`]: { ['k'.repeat(64)]: 'c' } }, `${front}.labels.${'k'.repeat(64)}`, 'must'],
];

const rules: readonly BadManifest[] = [
  [
    'two subscriptions of one name',
    { 'spec.subscriptions[1].name': 'main', [`${desk}.reservedAt`]: { main: 1 } },
    'spec.subscriptions[1].name',
    'is the same as spec.subscriptions[0].name',
  ],
  [
    'two subscriptions of one account',
    { 'spec.subscriptions[1].accountId': 'sub-main' },
    'spec.subscriptions[1].accountId',
    'an account is one limit',
  ],
  ['two projects of one name', { [`${far}.name`]: 'front' }, `${far}.name`, 'unique in the whole pool'],
  ['two classes of one name', { [`${campaign}.name`]: 'vip' }, `${campaign}.name`, 'is the same as spec.classes[0].name'],
  ['two upstreams of one name', { 'spec.upstreams[1]': { name: 'trunk' } }, 'spec.upstreams[1].name', 'unique in a pool'],
  ['an upstream listed twice', { [`${front}.upstreams`]: ['trunk', 'trunk'] }, `${front}.upstreams[1]`, 'list an upstream once'],
  ['two assistants of one name', { [`${front}.assistants[1].name`]: 'reception' }, `${front}.assistants[1].name`, 'unique in a project'],
  ['an upstream that is not declared', { [`${back}.upstreams`]: ['carrier'] }, `${back}.upstreams[0]`, 'no upstream is named carrier'],
  [
    'a margin that takes every line',
    { 'spec.subscriptions[0].safetyMargin': 30 },
    'spec.subscriptions[0].safetyMargin',
    'must be less than concurrencyLimit (30)',
  ],
  ['both ways to reserve', { [`${vip}.reservedAt`]: { main: 5 } }, `${vip}.reserved`, 'excludes reservedAt'],
  ['more reserved than the limit', { [`${vip}.limit`]: 4 }, `${vip}.reserved`, 'reserves 5 slots, but limit lets the class use 4'],
  ['more reserved at subscriptions than the limit', { [`${desk}.limit`]: 4 }, `${desk}.reservedAt`, 'reserves 5 slots'],
  [
    'a reserve at an unknown subscription',
    { [`${desk}.reservedAt`]: { third: 1 } },
    `${desk}.reservedAt.third`,
    'the subscriptions are main, second',
  ],
  ['a direction above the pool', { 'spec.budget.inbound': 51 }, 'spec.budget.inbound', 'must not be more than maxConcurrentSessions (50)'],
  [
    'reserves above the pool',
    { 'spec.budget': { maxConcurrentSessions: 10 } },
    'spec.budget.maxConcurrentSessions',
    'the classes reserve 11 slots',
  ],
  ['reserves above a direction', { 'spec.budget.inbound': 4 }, 'spec.budget.inbound', 'Inbound classes reserve 5 slots'],
  ['reserves above both directions', { 'spec.budget': { inbound: 5, outbound: 5 } }, 'spec.budget', 'together hold 10 sessions'],
  [
    'a first wait longer than the last',
    { [`${campaign}.retry.backoff.initial`]: '2h' },
    `${campaign}.retry.backoff.initial`,
    'must not be longer than max (1h)',
  ],
  ['retries of calls that come in', { [`${vip}.retry`]: { maxAttempts: 2 } }, `${vip}.retry`, 'is for outbound sessions'],
  ['any number to call from where none is called', { [`${vip}.from`]: {} }, `${vip}.from`, 'is for outbound sessions'],
  [
    'a number to call from where none is called',
    { [`${vip}.from`]: { matchLabels: { use: 'vip' } } },
    `${vip}.from`,
    'is for outbound sessions',
  ],
  ['overflow of calls that go out', { [`${campaign}.overflow`]: [{ message: 'x' }] }, `${campaign}.overflow`, 'is for inbound sessions'],
  [
    'an answer to calls that go out',
    { [`${campaign}.whenUnavailable`]: { message: 'x' } },
    `${campaign}.whenUnavailable`,
    'is for inbound sessions',
  ],
  ['a caller who waits where none calls', { [`${campaign}.maxWait`]: '1s' }, `${campaign}.maxWait`, 'is for inbound sessions'],
  [
    'dialled numbers of calls that go out',
    { [`${campaign}.match`]: { dialled: ['+14155550101'] } },
    `${campaign}.match.dialled`,
    'is for inbound sessions',
  ],
  [
    'an outbound limit above the pool',
    { 'spec.budget.outbound': 51 },
    'spec.budget.outbound',
    'must not be more than maxConcurrentSessions (50)',
  ],
  [
    'reserves above the outbound limit',
    { 'spec.budget': { outbound: 3 }, [`${campaign}.reserved`]: 4 },
    'spec.budget.outbound',
    'Outbound classes reserve 4 slots',
  ],
  [
    'prefixes of callers where none calls',
    { [`${campaign}.match`]: { callers: ['+1'] } },
    `${campaign}.match.callers`,
    'is for inbound sessions',
  ],
];

/** The schema again, where an API server lacks the means or the rule would exceed its budget. */
const finer: readonly BadManifest[] = [
  ['a port that does not exist', { 'spec.publicUrl': 'https://voice.example.com:99999' }, 'spec.publicUrl', 'absolute http or https URL'],
  ['a label without key', { [`${front}.labels`]: { '': 'c' } }, `${front}.labels[""]`, 'must'],
  ['a country that does not exist', { 'spec.destinations.allow': ['GB', 'UK'] }, 'spec.destinations.allow[1]', 'is no country'],
  ['a label key with a slash', { [`${front}.labels`]: { 'a/b': 'c' } }, `${front}.labels["a/b"]`, 'must be letters, digits'],
  ['a number id in two projects', { [`${back}.phoneNumbers[0].id`]: 'n1' }, `${back}.phoneNumbers[0].id`, 'belongs to one project'],
  [
    'a number in two projects',
    { [`${back}.phoneNumbers[0].number`]: '+14155550101' },
    `${back}.phoneNumbers[0].number`,
    'belongs to one project',
  ],
];

const meaning: readonly BadManifest[] = [
  [
    'an assistant that no project has',
    { [`${vip}.assistant`]: 'recepton' },
    `${vip}.assistant`,
    'no project has an assistant named recepton',
  ],
  [
    'a selector that fits no project',
    { [`${campaign}.projects`]: { matchLabels: { geo: 'north' } } },
    `${campaign}.projects`,
    'label one of front and back',
  ],
  ['no number to call from', { [`${campaign}.from`]: { matchLabels: { use: 'other' } } }, `${campaign}.from`, 'selects no phone number'],
  [
    'projects without any number',
    { [`${campaign}.assistant`]: 'closer', [`${campaign}.from`]: undefined, [`${far}.phoneNumbers`]: [], [`${desk}`]: undefined },
    'spec.classes[1].direction',
    'add phoneNumbers to far',
  ],
  [
    'a dialled number that nobody owns',
    { [`${vip}.match.dialled`]: ['+14155550177'] },
    `${vip}.match.dialled[0]`,
    'no project owns the number ending in 77',
  ],
  [
    'a dialled number of a project without the assistant',
    { [`${vip}.match.dialled`]: ['+14155550102'] },
    `${vip}.match.dialled[0]`,
    'project back, which has no assistant named reception',
  ],
  [
    'a dialled number of a project that is not selected',
    { [`${vip}.projects`]: { matchLabels: { geo: 'west' } }, [`${vip}.match.dialled`]: ['+14155550100', '+442079460100'] },
    `${vip}.match.dialled[1]`,
    'is not selected by projects',
  ],
  [
    'a plain reserve over two subscriptions',
    { [`${vip}.match`]: undefined, [`${vip}.priority`]: 900 },
    `${vip}.reserved`,
    'say with reservedAt',
  ],
  [
    'a reserve where the class cannot run',
    { [`${vip}.reserved`]: undefined, [`${vip}.reservedAt`]: { second: 2 } },
    `${vip}.reservedAt.second`,
    'it can run in main',
  ],
  [
    'two classes that take the same calls',
    { [`${desk}.priority`]: 1000, [`${desk}.match.dialled`]: ['+14155550100', '+442079460100'] },
    `${desk}.match`,
    'the same calls as class vip',
  ],
  [
    'a reserve that no subscription holds',
    { [`${campaign}.reserved`]: 30 },
    `${campaign}.reserved`,
    'only 21 of these 30 slots find a place beside what is reserved for vip and desk (limits: subscription main 28 slots',
  ],
  [
    'a reserve that no upstream holds',
    { 'spec.upstreams[0].concurrencyLimit': 11, [`${desk}.reservedAt`]: { second: 3 } },
    `${desk}.reservedAt.second`,
    'upstream trunk 11 units, 2 a session',
  ],
  [
    'a reserve that its own subscription does not hold',
    { [`${desk}.reservedAt`]: { second: 21 }, [`${desk}.limit`]: undefined },
    `${desk}.reservedAt.second`,
    'only 20 of these 21',
  ],
  [
    'webhooks that nobody can verify',
    { [`${back}.webhookSecretRef`]: undefined },
    `${back}.webhookSecretRef`,
    'unless they can be verified (webhookAuth Secret)',
  ],
  [
    'a transfer to a country that is not allowed',
    { [`${vip}.overflow`]: [{ transfer: { number: '+4930901820' } }] },
    `${vip}.overflow[0].transfer.number`,
    'is outside destinations.allow (+1, +44)',
  ],
  [
    'a transfer to a premium number',
    { [`${vip}.overflow`]: [{ transfer: { number: '+19005550100' } }] },
    `${vip}.overflow[0].transfer.number`,
    /premium|assigns/,
  ],
  [
    'a transfer to a British premium number',
    { [`${vip}.overflow`]: [{ transfer: { number: '+449098790879' } }] },
    `${vip}.overflow[0].transfer.number`,
    'premium-rate',
  ],
  [
    'a transfer to no real number',
    { [`${desk}.whenUnavailable`]: { transfer: { number: '+1911911' } } },
    `${desk}.whenUnavailable.transfer.number`,
    'emergency',
  ],
];

export const badManifests: readonly { readonly what: string; readonly tier: Tier; readonly rows: readonly BadManifest[] }[] = [
  { what: 'fields', tier: 'schema', rows: [...fields, ...badFleetFields] },
  { what: 'rules over several fields', tier: 'CEL', rows: [...rules, ...badFleetRules] },
  { what: 'fine points of fields', tier: 'semantic', rows: [...finer, ...finerFleets] },
  { what: 'what cannot work', tier: 'semantic', rows: meaning },
];
