import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { z } from 'zod';
import { readVariables } from '../crds/variables.ts';
import { keepPostgres } from '../standalone/kept-postgres.ts';
import { onLeave, run, say } from './role.ts';

/**
 * A ledger for trying things out: the embedded PostgreSQL, reachable over the network, with what it holds in one directory. It is a single server without
 * a replica or a backup; for anything that matters there is `spec.ledger` with a database that somebody looks after.
 */

const variables = z.object({
  /** Holds the password of the user `trunkline`. */
  TRUNKLINE_LEDGER_PASSWORD_FILE: z.string().min(1),
  TRUNKLINE_LEDGER_DATA: z.string().min(1).default('/var/lib/trunkline'),
  TRUNKLINE_LEDGER_PORT: z.coerce.number().int().min(1).max(65_535).default(5432),
});

/** The superuser from this machine alone; from elsewhere nobody but our own user, to our own database. */
const whoMayEnter = `host all postgres 127.0.0.1/32 scram-sha-256
host trunkline trunkline 0.0.0.0/0 scram-sha-256
host trunkline trunkline ::/0 scram-sha-256
`;

await run(async () => {
  const environment = readVariables(variables, process.env);
  const directory = environment.TRUNKLINE_LEDGER_DATA;
  const password = await readPassword(environment.TRUNKLINE_LEDGER_PASSWORD_FILE);
  const rules = join(directory, 'pg_hba.conf');
  await writeFile(rules, whoMayEnter, { mode: 0o644 });
  const server = await keepPostgres({
    directory,
    port: environment.TRUNKLINE_LEDGER_PORT,
    settings: { listen_addresses: '*', hba_file: rules },
    log: say,
    onEvent: say,
  });
  await admit(server.url, password);
  say(`the ledger answers on port ${environment.TRUNKLINE_LEDGER_PORT}`);
  onLeave(() => {
    say('stopping');
    server.stop().then(
      () => process.exit(0),
      (error: Error) => {
        say(`not stopped in order: ${error.message}`);
        process.exit(1);
      },
    );
  });
});

async function readPassword(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`the file ${file} (TRUNKLINE_LEDGER_PASSWORD_FILE) cannot be read: ${error.code ?? error.message}`);
  });
  const password = text.trim();
  if (password === '') throw new Error(`the file ${file} (TRUNKLINE_LEDGER_PASSWORD_FILE) is empty`);
  return password;
}

/** Makes user and database if they are not there yet, and the password the one of the file. */
async function admit(url: string, password: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount: user } = await client.query(`select from pg_roles where rolname = 'trunkline'`);
    if (user === 0) await client.query('create role trunkline login');
    // Who runs here, and since when: so that a dispatcher sees whether it is still the same ledger.
    await client.query('grant pg_monitor to trunkline');
    await client.query(`alter role trunkline password ${pg.escapeLiteral(password)}`);
    const { rowCount: database } = await client.query(`select from pg_database where datname = 'trunkline'`);
    if (database === 0) await client.query('create database trunkline owner trunkline');
  } finally {
    await client.end();
  }
}
