import { describe, expect, test } from 'vitest';
import { openLog } from '../../workers/log.ts';
import { freshLedger } from '../support/ledger.ts';

const person = 'Zebulon Quartermaine';

describe('an error of PostgreSQL in the log', () => {
  test.each([
    { name: 'as it is', held: (error: Error) => error },
    { name: 'as a cause', held: (cause: Error) => new Error('the session was not written', { cause }) },
    { name: 'among others', held: (error: Error) => new AggregateError([new Error('one'), error], 'two failed') },
    { name: 'in a field of another', held: (error: Error) => Object.assign(new Error('outer'), { inner: error }) },
    {
      name: 'in a ring of errors',
      held: (error: Error) => Object.assign(error, { by: Object.assign(new Error('the other'), { of: error }) }),
    },
  ])('$name tells its message and nothing of the rows', async ({ held }) => {
    const error = await refusedWith(person);
    expect([error.detail, error.where, error.hint].every((told) => told?.includes(person))).toBe(true);
    const written = logged(held(error));
    expect(written).toContain('a rule was broken');
    expect(written).not.toContain(person);
  });

  test('of a row that breaks a constraint does not show the row', async () => {
    const { database } = await freshLedger();
    await database.query('create table lead (name text, number text not null)');
    const error = await database.query('insert into lead values ($1, null)', [person]).catch((thrown: unknown) => thrown);
    expect(error).toHaveProperty('detail', expect.stringContaining(person));
    const written = logged(error);
    expect(written).toContain('violates not-null constraint');
    expect(written).not.toContain(person);
  });
});

type Refused = Error & { readonly detail?: string; readonly where?: string; readonly hint?: string };

/** What a statement is refused with that repeats a value wherever PostgreSQL can. */
async function refusedWith(value: string): Promise<Refused> {
  const { database } = await freshLedger();
  await database.query(`create function refuse(value text) returns void language plpgsql as $$ begin
    raise exception 'a rule was broken' using detail = value, hint = value; end $$`);
  await database.query(`create function ask(value text) returns void language plpgsql as $$ begin
    execute format('select refuse(%L)', value); end $$`);
  const error = await database.query('select ask($1)', [value]).catch((thrown: unknown) => thrown);
  if (!(error instanceof Error)) throw new Error('it was not refused');
  return error;
}

function logged(err: unknown): string {
  const lines: string[] = [];
  openLog({ worker: 'w' }, { write: (line) => void lines.push(line) }).error({ err }, 'failed');
  return lines.join('');
}
