import { Readable } from 'node:stream';
import type { Bench, Setting } from './figure.ts';
import { quietPool, runPool } from './running-pool.ts';
import { benchPool, connect, setStage } from './stage.ts';

const scales = { full: 100_000, large: 100_000, tiny: 500 } as const;
const plainBatch = 1_000;

/** How fast a list of leads comes in. */
export const importing: Bench = async (setting) => {
  const plain = await plainInserts(setting);
  const perSecond = await importAll(setting);
  return [
    {
      name: 'import',
      definition: `lines per second of one \`POST /v1/sessions:import\` with ${scales[setting.scale]} lines of NDJSON to a pool of two workers that dials meanwhile, from the first byte sent to the last answer read; every line is checked, queued durably and answered`,
      unit: '/s',
      value: perSecond,
      goal: { atLeast: 10_000 },
      anchor: { what: `as many rows inserted ${plainBatch} at a time from JSON on one connection, unchecked and unanswered`, value: plain },
    },
  ];
};

const numberOf = (index: number) => `+1212${2_200_000 + index}`;

function* leads(count: number): Generator<string> {
  for (let from = 0; from < count; from += 100) {
    let text = '';
    for (let index = from; index < Math.min(count, from + 100); index += 1) {
      const lead = {
        customer: { number: numberOf(index), name: `Lead ${index}` },
        labels: { list: 'bench' },
        context: { order: String(index) },
      };
      text += `${JSON.stringify(lead)}\n`;
    }
    yield text;
  }
}

async function importAll(setting: Setting): Promise<number> {
  const count = scales[setting.scale];
  await using resources = new AsyncDisposableStack();
  const { pool, scenario } = await quietPool(setting, benchPool(20));
  const { url, token } = await runPool(setting, { pool, args: [`--simulate=${scenario}`, '--speed', '20', '--workers', '2'] }, resources);
  const startedMs = performance.now();
  const response = await fetch(`${url}/v1/sessions:import?class=campaign`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
    body: Readable.toWeb(Readable.from(leads(count))),
    duplex: 'half',
  });
  const answers = (await response.text()).trim().split('\n');
  const seconds = (performance.now() - startedMs) / 1_000;
  const last = answers.at(-1) ?? '';
  if (!last.includes(`"accepted":${count},`))
    throw new Error(`the import did not take every line (${response.status}): ${last.slice(0, 500)}`);
  return count / seconds;
}

async function plainInserts(setting: Setting): Promise<number> {
  const count = scales[setting.scale];
  await using resources = new AsyncDisposableStack();
  const stage = await setStage(setting, benchPool(20), resources);
  const connection = await connect(stage.url, 'bench plain');
  resources.defer(() => connection.end());
  const startedMs = performance.now();
  for (let from = 0; from < count; from += plainBatch) {
    const rows = Array.from({ length: Math.min(plainBatch, count - from) }, (_, index) => ({
      number: numberOf(from + index),
      name: `Lead ${from + index}`,
      labels: { list: 'bench' },
      context: { order: String(from + index) },
    }));
    await connection.query({
      name: 'bench-plain-insert',
      text: `
        insert into session (id, pool_id, class, direction, state, number, name, labels, context)
        select gen_random_uuid(), $1, 'campaign', 'Outbound', 'queued', number, name, labels, context
        from json_to_recordset($2::json) as x(number text, name text, labels jsonb, context jsonb)`,
      values: [stage.poolId, JSON.stringify(rows)],
    });
  }
  return count / ((performance.now() - startedMs) / 1_000);
}
