import { type FileHandle, open, rm } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { className } from '../crds/values.ts';
import { hashToken, newToken } from '../ledger/tokens.ts';
import { answering, type ConnectionFlags, connect, connectionHelp, withConnection } from './connection.ts';

type Flags = ConnectionFlags & { readonly class?: string; readonly out?: string; readonly offline?: true; readonly json?: true };

/** `line`: what makes it valid, where no pool has made it so. */
type Made = { readonly token: string; readonly class?: string | undefined; readonly line?: string };

const created = z.object({ token: z.string(), class: z.string().optional() });

/** `trunkline token create`: a new token, shown once. The pool keeps its hash only. */
export function tokenCommand(): Command {
  // Before it has a command of its own, which takes this over: wrong usage of that is no failure either.
  const token = new Command('token').description('tokens of the intake API').exitOverride().showHelpAfterError();
  withConnection(token.command('create').description('make a token for the whole pool, or for one class of it'))
    .option('--class <name>', 'it reaches this class only', ofClass)
    .option('--out <file>', 'write it to a new file that only you can read, rather than show it')
    .option('--offline', "ask no pool: print the line for the Secret of the pool's intake.tokensSecretRef, which makes it valid")
    .option('--json', 'one JSON object')
    .addHelpText('after', `${connectionHelp}${examples}`)
    .action((flags: Flags) => answering(() => create(flags)));
  return token;
}

const examples = `
Examples:
  trunkline token create --class campaign --out campaign.token
  trunkline token create --offline --out crm.token >> tokens.txt    the token for who hands in, its hash for the Secret
`;

async function create(flags: Flags): Promise<void> {
  // Before anything is asked for: a token that cannot be written down would stay valid with nobody knowing it.
  const file = flags.out === undefined ? undefined : await openNew(flags.out);
  try {
    await tell(flags.offline === true ? offline(flags.class) : await ofPool(flags), flags, file);
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

async function ofPool(flags: Flags): Promise<Made> {
  const connection = await connect(flags);
  const body = flags.class === undefined ? {} : { class: flags.class };
  return connection.json(created, '/v1/tokens', { method: 'POST', body });
}

/** Workers read such a line as `workers/declared-tokens.ts` says. */
function offline(name: string | undefined): Made {
  const token = newToken();
  const hash = hashToken(token).toString('hex');
  return { token, class: name, line: name === undefined ? hash : `${hash} ${name}` };
}

/** Into a file goes the token alone: whoever is given the file needs nothing else, and the line is for another place. */
async function tell({ token, line, ...made }: Made, flags: Flags, file: FileHandle | undefined): Promise<void> {
  await file?.writeFile(`${token}\n`);
  const shown = file === undefined ? { token } : { file: flags.out };
  if (flags.json === true) process.stdout.write(`${JSON.stringify({ ...shown, ...made, line })}\n`);
  else if (line === undefined) process.stdout.write(file === undefined ? `${token}\n` : `written to ${flags.out}\n`);
  else process.stdout.write(file === undefined ? `token: ${token}\nline:  ${line}\n` : `${line}\n`);
}

function ofClass(text: string): string {
  const parsed = className.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(`${parsed.error.issues[0]?.message}.`);
  return parsed.data;
}
