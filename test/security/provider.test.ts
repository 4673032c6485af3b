import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { post, send, statusesIn, withstand } from './attack.ts';
import { echoing, type HostileAnswer, hostileAnswers, switching } from './hostile-provider.ts';
import { openWorld, person, secrets, type World } from './world.ts';
import { expectNothingWritten } from './written.ts';

/** A provider that answers creations and listings with anything. Every line of the pool is in doubt at the same time, so one wait serves all. */

const cases: readonly HostileAnswer[] = [...hostileAnswers, switching, echoing(person.name, person.number, person.wish, secrets.apiKey)];
const numberOf = (at: number) => `+14155557${String(200 + at)}`;

let world: World;
const dialled: string[] = [];
let listings = 0;

beforeAll(async () => {
  world = await openWorld('Active', cases.length);
  world.setProvider(async (request, response) => {
    if (request.method === 'POST') {
      const number = await numberIn(request);
      dialled.push(number);
      const at = cases.findIndex((_, index) => numberOf(index) === number);
      return cases[at]?.answer(request, response);
    }
    listings += 1;
    return cases[(listings - 1) % cases.length]?.answer(request, response);
  });
});
afterAll(() => world.close());

test('a creation without a clear answer goes to the look-up and is not made again, whatever the look-ups are answered with', async () => {
  await withstand(world, async () => {
    for (const [at] of cases.entries()) expect(await ask(at)).toEqual([202]);
    await expect.poll(inDoubt, { timeout: 25_000, interval: 250 }).toEqual(cases.map(({ name }) => name));
    // Long enough for look-ups of every attempt (1, 3, 7 s after the doubt), and for each hostile answer to one of them.
    await expect.poll(() => listings, { timeout: 15_000 }).toBeGreaterThanOrEqual(cases.length);
    await sleep(1_000);
  });
  expect(dialled.toSorted()).toEqual(cases.map((_, at) => numberOf(at)).toSorted());
  expect(await inDoubt()).toEqual(cases.map(({ name }) => name));
}, 60_000);

test('nothing of it all stands in what the worker wrote, or in the ledger beside the session', async () =>
  expectNothingWritten(
    world,
    'creation without an answer',
    cases.map((_, at) => numberOf(at)),
  ));

async function ask(at: number): Promise<readonly number[]> {
  const session = {
    class: 'campaign',
    direction: 'Outbound',
    customer: { number: numberOf(at), name: person.name },
    context: { wish: person.wish },
  };
  return statusesIn((await send(world, post('/v1/sessions', JSON.stringify(session)))).text);
}

/** The names of the cases whose one attempt is in doubt, in order. */
async function inDoubt(): Promise<readonly (string | undefined)[]> {
  const { rows } = await world.database.query<{ number: string }>(
    `select s.number from session s join attempt a on a.session_id = s.id
     group by s.id having count(*) = 1 and bool_and(a.state = 'sending' and a.ambiguous_at is not null and s.state <> 'ended') order by s.number`,
  );
  return rows.map(({ number }) => cases.find((_, at) => numberOf(at) === number)?.name);
}

async function numberIn(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += part;
  return z.object({ customer: z.object({ number: z.string() }) }).parse(JSON.parse(text)).customer.number;
}
