import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { Command, InvalidArgumentError } from 'commander';
import { createLogUpdate } from 'log-update';
import { z } from 'zod';
import { duration, durationMs } from '../crds/values.ts';
import { answering, type ConnectionFlags, connect, connectionHelp, Unreachable, withConnection } from './connection.ts';

/** `trunkline hold`, `resume` and `cancel`. Live calls are never touched by any of them. */

type Flags = ConnectionFlags & { readonly class?: string; readonly json?: true };

export function holdCommand(): Command {
  return withConnection(new Command('hold').description('admit nothing new, of the pool or of one class; live calls go on'))
    .option('--class <name>', 'only this class (default: the whole pool)')
    .option('--for <duration>', 'until then, such as 30m (default: until "trunkline resume")', span)
    .option('--json', 'one JSON object')
    .addHelpText('after', `${connectionHelp}\nExamples:\n  trunkline hold\n  trunkline hold --class campaign --for 30m\n`)
    .action((flags: Flags & { readonly for?: number }) =>
      answering(async () => {
        const until = flags.for === undefined ? {} : { until: new Date(Date.now() + flags.for).toISOString() };
        const body = { ...classOf(flags), ...until };
        const held = await (await connect(flags)).json(z.object({ held: z.string(), until: z.string().optional() }), '/v1/hold', {
          method: 'POST',
          body,
        });
        const end =
          held.until === undefined
            ? `"trunkline resume${flags.class === undefined ? '' : ` --class ${flags.class}`}" lets it go on`
            : `until ${held.until}`;
        say(flags, held, `${scopeOf(flags)} is on hold: ${end}`);
      }),
    );
}

export function resumeCommand(): Command {
  return withConnection(new Command('resume').description('lift a hold'))
    .option('--class <name>', 'the hold of this class (default: that of the whole pool; holds of classes stay)')
    .option('--json', 'one JSON object')
    .addHelpText('after', `${connectionHelp}\nExamples:\n  trunkline resume\n  trunkline resume --class campaign\n`)
    .action((flags: Flags) =>
      answering(async () => {
        const body = classOf(flags);
        const lifted = await (await connect(flags)).json(z.object({ resumed: z.string(), lifted: z.boolean() }), '/v1/resume', {
          method: 'POST',
          body,
        });
        say(flags, lifted, lifted.lifted ? `${scopeOf(flags)} goes on` : `${scopeOf(flags)} was not on hold`);
      }),
    );
}

export function cancelCommand(): Command {
  return withConnection(
    new Command('cancel').description('end all sessions of a class that wait, admitted ones that are not dialled yet included'),
  )
    .requiredOption('--class <name>', 'the class')
    .option('--json', 'the summary as one JSON object')
    .addHelpText('after', `${connectionHelp}\nExamples:\n  trunkline cancel --class campaign\n`)
    .action((flags: Flags) => answering(() => cancel(flags)));
}

const cancelLine = z.union([
  z.object({ cancelled: z.number() }),
  z.object({
    summary: z.object({ class: z.string(), cancelled: z.number(), live: z.number().optional(), incomplete: z.string().optional() }),
  }),
]);

async function cancel(flags: Flags): Promise<void> {
  const connection = await connect(flags);
  const headers = { 'content-type': 'application/json' };
  const answer = await connection.request('/v1/cancel', { method: 'POST', headers, body: JSON.stringify(classOf(flags)) });
  const draw = process.stderr.isTTY ? createLogUpdate(process.stderr) : undefined;
  for await (const text of createInterface({ input: Readable.from(answer.body ?? []) })) {
    const line = cancelLine.parse(JSON.parse(text));
    if (!('summary' in line)) {
      draw?.(`${line.cancelled} cancelled`);
      continue;
    }
    draw?.clear();
    const { cancelled, live, incomplete } = line.summary;
    if (incomplete !== undefined) throw new Unreachable(`${cancelled} cancelled, then it ended: ${incomplete}`);
    say(flags, line.summary, `${cancelled} cancelled${live === undefined || live === 0 ? '' : `; ${live} calls are live and go on`}`);
    return;
  }
  throw new Unreachable('the answer broke off: cancel again');
}

const classOf = (flags: Flags) => (flags.class === undefined ? {} : { class: flags.class });
const scopeOf = (flags: Flags) => (flags.class === undefined ? 'the pool' : `class ${flags.class}`);

function say(flags: Flags, answer: object, words: string): void {
  process.stdout.write(flags.json === true ? `${JSON.stringify(answer)}\n` : `${words}\n`);
}

const spanSchema = duration('1s', '8760h');

function span(text: string): number {
  const parsed = spanSchema.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(`${parsed.error.issues[0]?.message}.`);
  return durationMs(parsed.data);
}
