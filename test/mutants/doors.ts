import type { Mutant } from './mutant.ts';

/** Mistakes at the doors: what is accepted, from whom, and when it is acknowledged. */
export const doorMutants: readonly Mutant[] = [
  {
    name: '202 before the commit',
    breaks: 'A session is acknowledged before it is written down, and lost when that fails',
    file: 'workers/group-commit.ts',
    before: ['      try {', '        const results = await write('].join('\n'),
    after: [
      '      try {',
      '        for (const { item, resolve } of group) resolve(item as unknown as Result);',
      '        const results = await write(',
    ].join('\n'),
    tests: ['test/workers/group-commit.test.ts'],
  },
  {
    name: 'idempotency ignored',
    breaks: 'A request that is sent again is queued again',
    file: 'workers/intake/accept.ts',
    before: 'idempotencyKey: request.idempotencyKey,\n      requestHash',
    after: 'idempotencyKey: undefined,\n      requestHash',
    tests: ['test/workers/intake/post-session.test.ts'],
  },
  {
    name: 'key reused for other words',
    breaks: 'Another request under a known key is silently dropped as if it were the first',
    file: 'ledger/sessions/insert.ts',
    before: 'conflict: other.hash !== row.requestHash',
    after: "conflict: other.hash === ''",
    tests: ['test/workers/intake/post-session.test.ts'],
  },
  {
    name: 'webhook answered before the commit',
    breaks: 'The provider hears 200 for an event that is lost when the worker dies',
    file: 'workers/events/webhooks.ts',
    before: ['        const stored = await deps.store(inboxEventOf(message, project));', '        response.status(200).json({});'].join(
      '\n',
    ),
    after: ['        response.status(200).json({});', '        const stored = await deps.store(inboxEventOf(message, project));'].join(
      '\n',
    ),
    tests: ['test/workers/events/webhooks.test.ts'],
  },
  {
    name: 'signature unchecked',
    breaks: 'Anybody can end calls by webhooks of their own',
    file: 'workers/events/verified.ts',
    before: "if (verdict === 'verified') return;",
    after: "if (verdict !== 'missing') return;",
    tests: ['test/workers/events/webhooks.test.ts'],
  },
  {
    name: 'secret compared loosely',
    breaks: 'A wrong secret opens the door for webhooks',
    file: 'providers/vapi/webhooks.ts',
    before: "return equalsAny(token, secrets) ? 'verified' : 'wrong';",
    after: "return equalsAny(token, secrets) || secrets.length > 0 ? 'verified' : 'wrong';",
    tests: ['test/providers/vapi/webhooks.test.ts'],
  },
  {
    name: 'doubled webhook worked twice',
    breaks: 'A delivery that was here before is worked on again and handed to the team twice',
    file: 'ledger/inbox.ts',
    before: 'on conflict (pool_id, dedupe) do nothing returning id, dedupe',
    after: 'on conflict (pool_id, dedupe) do update set received_at = excluded.received_at returning id, dedupe',
    tests: ['test/workers/events/webhooks.test.ts'],
  },
];
