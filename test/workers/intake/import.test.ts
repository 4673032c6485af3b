import { request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { campaignToken, lead, poolToken, type Serving, serveIntake } from './serving.ts';

const ndjson = 'application/x-ndjson';
const answerLine = z.union([
  z.object({ line: z.number(), id: z.string(), state: z.string(), duplicate: z.boolean().optional() }),
  z.object({
    line: z.number(),
    error: z.object({ status: z.number(), field: z.string().optional(), detail: z.string(), retryAfterSeconds: z.number().optional() }),
  }),
]);
const summaryLine = z.object({ summary: z.record(z.string(), z.unknown()) });

async function send(intake: Serving, type: string, body: string, query = '', token = poolToken) {
  const answer = await intake.request(`/v1/sessions:import${query}`, { method: 'POST', headers: { 'content-type': type }, body, token });
  const lines = (await answer.text()).trimEnd().split('\n');
  const last = lines.pop() ?? '';
  return { answers: lines.map((line) => answerLine.parse(JSON.parse(line))), summary: summaryLine.parse(JSON.parse(last)).summary };
}

const refusals = (answers: readonly z.infer<typeof answerLine>[]) =>
  answers.flatMap((one) => ('error' in one ? [[one.line, one.error.status, one.error.field]] : []));

describe('an import of NDJSON', () => {
  test('answers every line in order, and queues what it accepts in that order', async () => {
    const intake = await serveIntake();
    const lines = Array.from({ length: 2_500 }, (_, index) => JSON.stringify({ class: 'campaign', customer: { number: lead(index) } }));
    const { answers, summary } = await send(intake, ndjson, lines.join('\n'));
    expect(summary).toEqual({ lines: 2_500, accepted: 2_500, duplicates: 0, refused: 0 });
    expect(answers.map(({ line }) => line)).toEqual(lines.map((_, index) => index + 1));
    const { rows } = await intake.database.query('select id, number from session order by seq');
    expect(rows).toEqual(answers.map((one, index) => ({ id: 'id' in one ? one.id : '', number: lead(index) })));
  });

  test('refuses the lines that are wrong, with the reason and field, and takes the others', async () => {
    const intake = await serveIntake();
    const lines = [
      JSON.stringify({ customer: { number: lead(1) } }),
      '{"customer":',
      '',
      JSON.stringify({ customer: { number: '+19005551234' } }),
      JSON.stringify({ customer: { number: lead(2) }, class: 'nobody' }),
      JSON.stringify({ customer: { number: lead(3) }, context: { note: 'x'.repeat(70_000) } }),
      JSON.stringify({ customer: { number: lead(4), name: 'Zoë 漢字 🙂' } }),
    ];
    const { answers, summary } = await send(intake, ndjson, `${lines.join('\n')}\n`, '?class=campaign');
    expect(refusals(answers)).toEqual([
      [2, 400, undefined],
      [4, 422, 'customer.number'],
      [5, 422, 'class'],
      [6, 413, undefined],
    ]);
    expect(summary).toEqual({ lines: 6, accepted: 2, duplicates: 0, refused: 4 });
    expect((await intake.database.query('select name from session where name is not null')).rows).toEqual([{ name: 'Zoë 漢字 🙂' }]);
  });

  test('sent twice with keys queues nothing twice', async () => {
    const intake = await serveIntake();
    const lines = Array.from({ length: 50 }, (_, index) =>
      JSON.stringify({ customer: { number: lead(index) }, idempotencyKey: `lead-${index}` }),
    );
    const body = [...lines, ...lines.slice(0, 10)].join('\n');
    const first = await send(intake, ndjson, body, '?class=campaign');
    const again = await send(intake, ndjson, body, '?class=campaign');
    expect(first.summary).toMatchObject({ accepted: 50, duplicates: 10 });
    expect(again.summary).toMatchObject({ accepted: 0, duplicates: 60 });
    expect((await intake.database.query('select count(*)::int as n from session')).rows).toEqual([{ n: 50 }]);
  });

  test('that fills the queue says so for each line that found no room', async () => {
    const intake = await serveIntake();
    const lines = Array.from({ length: 6 }, (_, index) => JSON.stringify({ customer: { number: lead(index) } }));
    const { answers, summary } = await send(intake, ndjson, lines.join('\n'), '?class=callback');
    expect(refusals(answers)).toEqual([4, 5, 6].map((line) => [line, 429, 'class']));
    const last = answers.at(-1);
    expect(last !== undefined && 'error' in last && last.error.retryAfterSeconds).toBeGreaterThan(0);
    expect(summary).toMatchObject({ accepted: 3, refused: 3 });
  });

  test('with a token for one class takes no line of another', async () => {
    const intake = await serveIntake();
    const lines = [{ customer: { number: lead(1) } }, { customer: { number: lead(2) }, class: 'callback' }];
    const { answers, summary } = await send(intake, ndjson, lines.map((line) => JSON.stringify(line)).join('\n'), '', campaignToken);
    expect(refusals(answers)).toEqual([[2, 403, 'class']]);
    expect(summary).toMatchObject({ accepted: 1 });
  });

  test('commits what has come while more is still on its way', async () => {
    const intake = await serveIntake();
    const headers = { authorization: `Bearer ${poolToken}`, 'content-type': ndjson };
    const upload = httpRequest(`${intake.url}/v1/sessions:import?class=campaign`, { method: 'POST', headers });
    upload.write(`${JSON.stringify({ customer: { number: lead(1) } })}\n`);
    const response = await new Promise<AsyncIterable<Buffer>>((resolve) => upload.once('response', resolve));
    const chunks = response[Symbol.asyncIterator]();
    expect(String((await chunks.next()).value)).toContain('"line":1');
    expect((await intake.database.query('select count(*)::int as n from session')).rows).toEqual([{ n: 1 }]);
    upload.end();
    expect(String((await chunks.next()).value)).toContain('"summary"');
  });

  test('tells only what was refused when asked so', async () => {
    const intake = await serveIntake();
    const { answers, summary } = await send(intake, ndjson, `{"customer":{"number":"${lead(1)}"}}\nx\n`, '?class=campaign&answers=refused');
    expect(refusals(answers)).toEqual([[2, 400, undefined]]);
    expect(summary).toMatchObject({ lines: 2, accepted: 1 });
  });
});

describe('an import of CSV', () => {
  test('answers every line after a quote in the wrong place, and trims cells', async () => {
    const intake = await serveIntake();
    const csv = `number , name\n${lead(1)},"Bob" Ray\n ${lead(2)} ,"Eve" \n${lead(3)}, "Finn"\n`;
    const { summary } = await send(intake, 'text/csv', csv, '?class=campaign');
    expect(summary).toMatchObject({ lines: 3, accepted: 3 });
    const { rows } = await intake.database.query('select number, name from session order by seq');
    expect(rows.map(({ number, name }) => [number, name])).toEqual([
      [lead(1), '"Bob" Ray'],
      [lead(2), 'Eve'],
      [lead(3), 'Finn'],
    ]);
  });

  test('keeps quotes inside a cell, and says what is wrong with a cell in words', async () => {
    const intake = await serveIntake();
    const csv = `number,name,score\n${lead(1)},Bob "B" Ray,\n${lead(2)},Eve,high\n,Nobody,\n${lead(3)},"never closed,\n${lead(4)},Finn,\n`;
    const { answers } = await send(intake, 'text/csv', csv, '?class=campaign');
    expect(answers).toMatchObject([
      { line: 2, state: 'queued' },
      { line: 3, error: { field: 'score', detail: 'must be a number, but is a text' } },
      { line: 4, error: { field: 'customer.number', detail: 'is required' } },
      { error: { detail: expect.stringContaining('never closed') } },
    ]);
    expect((await intake.database.query('select name from session')).rows).toEqual([{ name: 'Bob "B" Ray' }]);
  });

  test('reads columns by their names, labels and context among them', async () => {
    const intake = await serveIntake();
    const csv = [
      '\uFEFFname,number,label.lot,context.city,score,idempotencyKey',
      '"Doe, Jane",+14155550111,a,"Lake ""Wood""",5,k1',
      'Bob,+1 415 555 0112,,,,',
    ];
    const { summary } = await send(intake, 'text/csv', csv.join('\r\n'), '?class=campaign');
    expect(summary).toEqual({ lines: 2, accepted: 2, duplicates: 0, refused: 0 });
    const { rows } = await intake.database.query(
      'select name, number, labels, context, score, idempotency_key as key from session order by seq',
    );
    expect(rows).toEqual([
      { name: 'Doe, Jane', number: '+14155550111', labels: { lot: 'a' }, context: { city: 'Lake "Wood"' }, score: 5, key: 'k1' },
      { name: 'Bob', number: '+14155550112', labels: {}, context: null, score: 0, key: null },
    ]);
  });

  test('refuses records that are wrong, by their line in the file', async () => {
    const intake = await serveIntake();
    const csv = [
      'number,name,score',
      '+14155550111,Ada',
      ',Nobody,1',
      `${lead(5)},x,many`,
      `${lead(6)},a,1,2`,
      'bad"quote,x',
      `${lead(7)},y`,
    ];
    const { answers, summary } = await send(intake, 'text/csv', csv.join('\n'), '?class=campaign');
    expect(refusals(answers)).toEqual([
      [3, 422, 'customer.number'],
      [4, 422, 'score'],
      [5, 400, undefined],
      [6, 422, 'customer.number'],
    ]);
    expect(summary).toMatchObject({ lines: 6, accepted: 2 });
  });

  test.each([
    { name: 'an unknown column', csv: 'number,colour\n', field: 'header.colour' },
    { name: 'a column that stands there twice', csv: 'number,name,number\n', field: 'header.number' },
    { name: 'no number', csv: 'name\n', field: 'header.number' },
  ])('with $name in its header is refused as a whole', async ({ csv, field }) => {
    const intake = await serveIntake();
    const answer = await intake.request('/v1/sessions:import', { method: 'POST', headers: { 'content-type': 'text/csv' }, body: csv });
    expect([answer.status, await answer.json()]).toMatchObject([422, { field }]);
  });
});

describe('an import', () => {
  test.each([
    { name: 'of another type', query: '', type: 'application/json', status: 415, field: 'content-type' },
    { name: 'with an unknown default class', query: '?class=nobody', type: ndjson, status: 422, field: 'class' },
    { name: 'with an unknown parameter', query: '?klass=campaign', type: ndjson, status: 422, field: 'klass' },
  ])('$name is refused before it is read', async ({ query, type, status, field }) => {
    const intake = await serveIntake();
    const answer = await intake.request(`/v1/sessions:import${query}`, { method: 'POST', headers: { 'content-type': type }, body: 'x' });
    expect([answer.status, await answer.json()]).toMatchObject([status, { status, field }]);
  });

  test('of nothing is complete', async () => {
    const intake = await serveIntake();
    expect((await send(intake, ndjson, '')).summary).toEqual({ lines: 0, accepted: 0, duplicates: 0, refused: 0 });
  });
});
