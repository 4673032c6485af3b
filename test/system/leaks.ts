import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTruthLog } from '../../simulator/truth/log.ts';

/** What a run must keep to itself, and what it wrote: for the promise that logs, output and metrics show neither. */

export type Confidential = {
  /** National numbers of everybody who was called or called. */
  readonly numbers: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
  /** The token, API keys, webhook secrets, the database's password, and the keys in calls' control URLs. */
  readonly secrets: ReadonlySet<string>;
};

/** Length of a number of the North American plan without +1, which everybody in the scenarios has. */
const nationalDigits = 10;

/** Reads it from the simulator's truth and the files that hold secrets. */
export async function confidentialOf(state: string): Promise<Confidential> {
  const [numbers, names, secrets] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const event of readTruthLog(join(state, 'simulator/calls.ndjson'))) {
    if (event.event === 'lead') numbers.add(event.number.slice(-nationalDigits));
    if (event.event !== 'created') continue;
    const { customer, controlToken } = event.call;
    secrets.add(controlToken);
    if (customer !== undefined) numbers.add(customer.number.slice(-nationalDigits));
    if (customer?.name !== undefined) names.add(customer.name);
  }
  for (const file of ['token', 'postgres/password', ...(await filesBelow(state, 'secrets'))]) {
    secrets.add((await readFile(join(state, file), 'utf8')).trim());
  }
  return { numbers, names, secrets };
}

/** All logs of a state directory, PostgreSQL's own included. */
export async function logsOf(state: string): Promise<string> {
  const files = [...(await filesBelow(state, 'log')), 'postgres/postgres.log'];
  return (await Promise.all(files.map((file) => readFile(join(state, file), 'utf8')))).join('\n');
}

/** What of the confidential stands in a text. A number counts with and without its country code. */
export function leaksIn(text: string, { numbers, names, secrets }: Confidential): readonly string[] {
  const digits = text.match(/\d{10,15}/g) ?? [];
  return [
    ...digits.filter((run) => numbers.has(run.slice(-nationalDigits))).map((run) => `number …${run.slice(-2)}`),
    ...[...names].filter((name) => text.includes(name)).map((name) => `name ${name}`),
    ...[...secrets].filter((secret) => text.includes(secret)).map((secret) => `secret ${secret.slice(0, 4)}…`),
  ];
}

async function filesBelow(state: string, folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(state, folder), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath.slice(state.length + 1), entry.name));
}
