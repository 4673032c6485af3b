import { createWriteStream, type WriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { Command } from 'commander';
import { answering, type Connection, type ConnectionFlags, connect, connectionHelp, Refused, withConnection } from './connection.ts';
import { exitCode } from './exit-codes.ts';
import { reasonOf } from './file-trouble.ts';
import { type Counts, openProgress } from './import-progress.ts';
import { openLeads, runOf } from './lead-file.ts';
import { type LeadRefused, type Sendable, sendPart } from './send-leads.ts';

type Flags = ConnectionFlags & {
  readonly class?: string;
  readonly run?: string;
  readonly key?: string;
  readonly wait: boolean;
  readonly json?: true;
};

const afterHelp = `
Every lead gets a key made of the run's name and its line, so an import that was interrupted is resumed by the same command: what is queued already is
reported as a duplicate, never queued twice. To call the same leads again another time, give the run another name.

Columns of a CSV: number, name, class, project, score, notBefore, expiresAt, idempotencyKey, label.NAME, context.NAME; only number is needed.
What was refused goes to LEADS.refused.ndjson, with line and reason.
${connectionHelp}
Examples:
  trunkline import leads.csv --class campaign
  trunkline import leads.csv --class campaign --run autumn-2
  trunkline import leads.ndjson --key leadId --no-wait --json

Exit status: 0 all leads are queued, 1 some were refused, 2 wrong usage, 3 the file cannot be read or the pool does not answer.
`;

/** `trunkline import LEADS`: hands a file of leads to a running pool. */
export function importCommand(): Command {
  return withConnection(new Command('import').description('hand a file of leads (CSV or NDJSON) to a running pool'))
    .argument('<leads>', 'file of leads: .ndjson and .jsonl are NDJSON, anything else is CSV with a header')
    .option('--class <name>', 'class of leads that name none')
    .option('--run <name>', 'name of this run, part of every key (default: file name and class)')
    .option('--key <column>', 'column or field that tells leads apart (default: the whole line)')
    .option('--no-wait', 'when the queue is full, take that for an answer rather than wait for room')
    .option('--json', 'the summary as one JSON object')
    .addHelpText('after', afterHelp)
    .action((file: string, flags: Flags) => answering(() => run(file, flags)));
}

/** Leads of one request: enough to be fast, few enough to be sent again without harm. */
const partSize = 5_000;

async function run(file: string, flags: Flags): Promise<void> {
  const size = await sizeOf(file);
  const connection = await connect(flags);
  await connection.request('/v1/pool'); // a pool that is not there is better noticed before than after several tries
  const refusals = openRefusals(`${file}.refused.ndjson`);
  await refusals.clear();
  const startedMs = performance.now();
  const counts = await sendAll(connection, file, size, flags, refusals);
  await refusals.close();

  const seconds = Math.round(performance.now() - startedMs) / 1_000;
  const summary = { file, leads: counts.accepted + counts.duplicates + counts.refused, ...counts, seconds };
  const refusedFile = counts.refused === 0 ? {} : { refusedFile: refusals.file };
  const words = [`${counts.accepted} queued`, `${counts.duplicates} were queued before`, `${counts.refused} refused`].join(', ');
  const where = counts.refused === 0 ? '' : `: see ${refusals.file}`;
  process.stdout.write(flags.json === true ? `${JSON.stringify({ ...summary, ...refusedFile })}\n` : `${words} in ${seconds} s${where}\n`);
  if (counts.refused > 0) process.exitCode = exitCode.negative;
}

/** @throws Error when it is no file that holds anything */
async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch((error: unknown) => {
    throw new Error(`${file} cannot be read: ${reasonOf(error)}`);
  });
  if (!found.isFile()) throw new Error(`${file} cannot be read: it is no file`);
  if (found.size === 0) throw new Error(`${file} is empty: a CSV begins with a line that names the columns, number among them`);
  return found.size;
}

async function sendAll(connection: Connection, file: string, size: number, flags: Flags, refusals: Refusals): Promise<Counts> {
  const counts = { accepted: 0, duplicates: 0, refused: 0 };
  const progress = openProgress(process.stderr, size, () => performance.now());
  let bytes = 0;
  const refuse = (lead: { readonly line: number; readonly content: string }, why: LeadRefused | { readonly detail: string }) => {
    counts.refused += 1;
    refusals.add({ line: lead.line, ...why, content: lead.content });
  };
  const { contentType, head, leads } = openLeads(file, { run: flags.run ?? runOf(file, flags.class), column: flags.key });
  const send = (part: readonly Sendable[]) =>
    sendPart(
      connection,
      {
        contentType,
        head,
        className: flags.class,
        whenFull: flags.wait ? 'wait' : 'refuse',
        onOutcome: (lead, outcome) => {
          if (outcome.kind === 'refused') refuse(lead, outcome.why);
          else counts[outcome.kind === 'accepted' ? 'accepted' : 'duplicates'] += 1;
          progress.show(counts, bytes);
        },
        onWait: (seconds, why) => progress.waiting(counts, bytes, `${why}: next try in ${Math.ceil(seconds)} s`),
      },
      part,
    );
  try {
    let part: Sendable[] = [];
    for await (const lead of leads) {
      if ('unreadable' in lead) {
        refuse(lead, { detail: lead.unreadable });
        continue;
      }
      part.push(lead);
      if (part.length < partSize) continue;
      await send(part);
      bytes = lead.bytes;
      part = [];
    }
    await send(part);
    return counts;
  } catch (error) {
    if (error instanceof Refused || counts.accepted + counts.duplicates === 0) throw error;
    const how = `${counts.accepted + counts.duplicates} leads are queued; the same command goes on from there`;
    throw new Error(how, { cause: error });
  } finally {
    progress.close();
  }
}

type Refusals = { readonly file: string; clear(): Promise<void>; add(refused: object): void; close(): Promise<void> };

/** The file of what was refused; it exists only when there is something in it. It holds numbers, so only its owner may read it. */
function openRefusals(file: string): Refusals {
  let stream: WriteStream | undefined;
  return {
    file,
    clear: () => rm(file, { force: true }),
    add(refused) {
      stream ??= createWriteStream(file, { mode: 0o600 });
      stream.write(`${JSON.stringify(refused)}\n`);
    },
    async close() {
      stream?.end();
      if (stream !== undefined) await finished(stream);
    },
  };
}
