import { type FileHandle, open, rm } from 'node:fs/promises';
import { Command } from 'commander';
import { z } from 'zod';
import { answering, type ConnectionFlags, connect, connectionHelp, withConnection } from './connection.ts';

type Flags = ConnectionFlags & { readonly class?: string; readonly out?: string; readonly json?: true };

const created = z.object({ token: z.string(), class: z.string().optional() });

/** `trunkline token create`: a new token, shown once. The pool keeps its hash only. */
export function tokenCommand(): Command {
  const token = new Command('token').description('tokens of the intake API');
  withConnection(token.command('create').description('make a token for the whole pool, or for one class of it'))
    .option('--class <name>', 'it reaches this class only')
    .option('--out <file>', 'write it to a new file that only you can read, rather than show it')
    .option('--json', 'one JSON object')
    .addHelpText('after', `${connectionHelp}\nExamples:\n  trunkline token create --class campaign --out campaign.token\n`)
    .action((flags: Flags) => answering(() => create(flags)));
  return token;
}

async function create(flags: Flags): Promise<void> {
  // Before anything is asked for: a token that cannot be written down would stay valid with nobody knowing it.
  const file = flags.out === undefined ? undefined : await openNew(flags.out);
  try {
    await createInto(flags, file);
  } catch (error) {
    if (flags.out !== undefined) await rm(flags.out, { force: true });
    throw error;
  } finally {
    await file?.close();
  }
}

async function openNew(path: string): Promise<FileHandle> {
  return open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw new Error(`${path} is there already: choose another --out`);
    throw new Error(`${path} cannot be written`, { cause: error });
  });
}

async function createInto(flags: Flags, file: FileHandle | undefined): Promise<void> {
  const connection = await connect(flags);
  const body = flags.class === undefined ? {} : { class: flags.class };
  const made = await connection.json(created, '/v1/tokens', { method: 'POST', body });
  if (file === undefined) {
    process.stdout.write(flags.json === true ? `${JSON.stringify(made)}\n` : `${made.token}\n`);
    return;
  }
  await file.writeFile(`${made.token}\n`);
  process.stdout.write(flags.json === true ? `${JSON.stringify({ file: flags.out, class: made.class })}\n` : `written to ${flags.out}\n`);
}
