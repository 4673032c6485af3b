import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { createLogUpdate } from 'log-update';
import { answering, type Connection, type ConnectionFlags, connect, connectionHelp, withConnection } from './connection.ts';
import { poolAnswer } from './pool-answer.ts';
import { statusLines } from './status-table.ts';

type Flags = ConnectionFlags & { readonly watch?: true; readonly json?: true };

const everyMs = 1_000;

/** `trunkline status`: the pool as its dispatcher sees it. */
export function statusCommand(): Command {
  return withConnection(new Command('status').description('show slots, queues and waiting times of a running pool'))
    .option('--watch', 'show it anew every second')
    .option('--json', 'the answer of GET /v1/pool as one JSON object; with --watch one a second')
    .addHelpText('after', `${connectionHelp}\nExamples:\n  trunkline status --watch\n  trunkline status --json | jq .view.slots\n`)
    .action((flags: Flags) => answering(() => run(flags)));
}

async function run(flags: Flags): Promise<void> {
  const connection = await connect(flags);
  const draw = flags.watch === true && flags.json !== true && process.stdout.isTTY ? createLogUpdate(process.stdout) : undefined;
  const show = (text: string) => (draw === undefined ? process.stdout.write(`${text}\n`) : draw(text));
  show(await statusText(connection, flags));
  while (flags.watch === true) {
    await delay(everyMs);
    show(await statusText(connection, flags));
  }
}

async function statusText(connection: Connection, { json }: Flags): Promise<string> {
  const answer = await connection.json(poolAnswer, '/v1/pool');
  return json === true ? JSON.stringify(answer) : statusLines(answer).join('\n');
}
