import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { progressLine } from '../../cli/import-progress.ts';
import { lead } from '../workers/intake/serving.ts';
import { openTerminal, type Terminal } from './running.ts';

const queued = async ({ intake }: Terminal) => (await intake.database.query('select count(*)::int as n from session')).rows[0]?.n;

/** A file of leads, with the columns that a team would have. */
const csvOf = (from: number, to: number) =>
  ['number,name,label.lot', ...Array.from({ length: to - from }, (_, index) => `${lead(from + index)},Lead ${from + index},a`)].join('\n');

describe('trunkline import', () => {
  test('queues a file once, however often it is sent', async () => {
    const terminal = await openTerminal();
    await writeFile(join(terminal.folder, 'leads.csv'), csvOf(0, 6_000));
    const first = await terminal.run('import', 'leads.csv', '--class', 'campaign', '--json');
    expect(first).toMatchObject({ status: 0 });
    expect(JSON.parse(first.stdout)).toMatchObject({ file: 'leads.csv', leads: 6_000, accepted: 6_000, duplicates: 0, refused: 0 });
    const again = await terminal.run('import', 'leads.csv', '--class', 'campaign');
    expect(again.stdout).toMatch(/^0 queued, 6000 were queued before, 0 refused in /);
    expect(await queued(terminal)).toBe(6_000);
  });

  test('goes on where it was interrupted, with what was added to the file', async () => {
    const terminal = await openTerminal();
    await writeFile(join(terminal.folder, 'leads.csv'), csvOf(0, 20));
    await terminal.run('import', 'leads.csv', '--class', 'campaign');
    await writeFile(join(terminal.folder, 'leads.csv'), csvOf(0, 50));
    const { stdout } = await terminal.run('import', 'leads.csv', '--class', 'campaign', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ accepted: 30, duplicates: 20 });
  });

  test('queues the same leads anew under another name of the run', async () => {
    const terminal = await openTerminal();
    await writeFile(join(terminal.folder, 'leads.csv'), csvOf(0, 5));
    await terminal.run('import', 'leads.csv', '--class', 'campaign');
    await terminal.run('import', 'leads.csv', '--class', 'campaign', '--run', 'autumn');
    expect(await queued(terminal)).toBe(10);
  });

  test('writes what was refused to a file, with line and reason, and keeps it from others', async () => {
    const terminal = await openTerminal();
    const csv = ['number,name', `${lead(1)},"Two\nlines"`, 'nonsense,Bob', `${lead(2)},Eve`, `${lead(3)},too,many`].join('\n');
    await writeFile(join(terminal.folder, 'leads.csv'), csv);
    const { status, stdout } = await terminal.run('import', 'leads.csv', '--class', 'campaign');
    expect([status, stdout]).toEqual([1, expect.stringContaining('2 queued, 0 were queued before, 2 refused')]);
    const refused = (await readFile(join(terminal.folder, 'leads.csv.refused.ndjson'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(refused).toMatchObject([
      { line: 6, detail: 'has 3 cells, the header 2' },
      { line: 4, status: 422, field: 'customer.number', content: 'nonsense,Bob' },
    ]);
  });

  test('sends every lead after a quote in the wrong place, and says where one was left open', async () => {
    const terminal = await openTerminal();
    const csv = ['number,name', `${lead(1)},"Bob" Ray`, `${lead(2)},Eve`, `${lead(3)},"Finn`, `${lead(4)},Gil`].join('\n');
    await writeFile(join(terminal.folder, 'leads.csv'), csv);
    const { stdout } = await terminal.run('import', 'leads.csv', '--class', 'campaign', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ accepted: 2, refused: 1 });
    const refused = await readFile(join(terminal.folder, 'leads.csv.refused.ndjson'), 'utf8');
    expect(refused).toContain('a quote is opened in line 4 and never closed');
  });

  test('tells leads apart by a column of the team', async () => {
    const terminal = await openTerminal();
    await writeFile(join(terminal.folder, 'leads.csv'), `number,leadId\n${lead(1)},a\n${lead(2)},a\n${lead(3)},b\n`);
    const { stdout } = await terminal.run('import', 'leads.csv', '--class', 'campaign', '--key', 'leadId', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ accepted: 2, refused: 1 });
  });

  test('reads NDJSON', async () => {
    const terminal = await openTerminal();
    const lines = [
      { customer: { number: lead(1) }, context: { plan: 'a' } },
      { customer: { number: lead(2) }, idempotencyKey: 'own' },
    ];
    await writeFile(join(terminal.folder, 'leads.ndjson'), `${lines.map((line) => JSON.stringify(line)).join('\n')}\nnot json\n`);
    const { stdout } = await terminal.run('import', 'leads.ndjson', '--class', 'campaign', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ accepted: 2, refused: 1, refusedFile: 'leads.ndjson.refused.ndjson' });
    const { rows } = await terminal.intake.database.query(`select number from session where idempotency_key = 'own'`);
    expect(rows).toEqual([{ number: lead(2) }]);
  });

  test('with --no-wait takes a full queue for an answer', async () => {
    const terminal = await openTerminal();
    await writeFile(join(terminal.folder, 'leads.csv'), csvOf(0, 5));
    const { status, stdout } = await terminal.run('import', 'leads.csv', '--class', 'callback', '--no-wait', '--json');
    expect([status, JSON.parse(stdout)]).toMatchObject([1, { accepted: 3, refused: 2 }]);
  });

  test.each([
    { name: 'a header that is not understood', args: ['leads.csv'], csv: 'phone\n+14155550100\n', status: 1, says: 'header.phone' },
    {
      name: 'a class that is none',
      args: ['leads.csv', '--class', 'nobody'],
      csv: csvOf(0, 1),
      status: 1,
      says: 'vip, callback, campaign',
    },
    { name: 'a file that is not there', args: ['nothing.csv'], csv: '', status: 3, says: 'nothing.csv' },
    { name: 'a folder', args: ['.'], csv: '', status: 3, says: 'it is no file' },
    { name: 'an empty file', args: ['leads.csv'], csv: '', status: 3, says: 'names the columns' },
    { name: 'a key column that is none', args: ['leads.csv', '--key', 'id'], csv: csvOf(0, 1), status: 3, says: 'there is no column id' },
  ])('says what is wrong with $name', async ({ args, csv, status, says }) => {
    const terminal = await openTerminal();
    await writeFile(join(terminal.folder, 'leads.csv'), csv);
    const ran = await terminal.run('import', ...args);
    expect([ran.status, ran.stderr]).toEqual([status, expect.stringContaining(says)]);
    expect(existsSync(join(terminal.folder, 'leads.csv.refused.ndjson'))).toBe(false);
  });
});

describe('progress', () => {
  test('shows share, rate and time left, and fits the terminal', () => {
    const moment = {
      counts: { accepted: 900, duplicates: 90, refused: 10 },
      bytes: 250,
      totalBytes: 1_000,
      elapsedMs: 1_000,
      why: undefined,
    };
    const line = progressLine(moment, 100);
    expect(line).toMatch(/^█+░+ 25 % {2}1000 leads {2}1000\/s {2}3\.0 s left {2}90 duplicates {2}10 refused$/);
    expect(progressLine(moment, 40).length).toBeLessThan(40);
  });
});
