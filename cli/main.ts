import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { z } from 'zod';
import { commands } from './commands.ts';
import { exitCode } from './exit-codes.ts';

/**
 * The command line. Every command lives in a file of its own that is loaded only when it is asked for, so that `--help` and `--version` answer at
 * once.
 */

const packageFile = z.object({ version: z.string() });

async function main(args: readonly string[]): Promise<number> {
  const { version } = packageFile.parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')));
  const program = new Command('trunkline')
    .description('The capacity plane for AI voice calls: concurrency budgets, priority classes and sharding over Vapi projects.')
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(--help shows how to use it)')
    .addHelpText('after', examples);

  const [first, second] = args.filter((argument) => !argument.startsWith('-'));
  const asked = first === 'help' ? second : first;
  for (const [name, command] of Object.entries(commands)) {
    if (name === asked) program.addCommand((await command.load()).exitOverride().showHelpAfterError('(--help shows how to use it)'));
    else program.command(name).description(command.summary);
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return Number(process.exitCode ?? exitCode.ok);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
    process.stderr.write(`trunkline: ${describe(error)}\n`);
    return exitCode.failed;
  }
}

/** One line for a person; the chain of causes says what was underneath. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.message === '' ? error.name : error.message;
  return error.cause === undefined ? text : `${text} (${describe(error.cause)})`;
}

const examples = `
Examples:
  trunkline up crds/samples/trial.yaml --simulate    a pool on this machine, with a simulated provider, callers and callees
  trunkline up pool.yaml --secrets ./secrets         the same against the real provider
  trunkline init --api-key-file key.txt              writes a pool.yaml from what the provider knows of your project
  trunkline validate pool.yaml                       checks a manifest: errors with line and column
  trunkline import leads.csv --class campaign        hands leads to a running pool
  trunkline status --watch                           slots, queue and waiting times, live
  trunkline explain campaign                         why this class or session waits, and what frees it
  trunkline hold --class campaign                    no new calls of this class until "trunkline resume"

Exit status: 0 done, 1 a negative answer, 2 wrong usage, 3 something needed is missing, unreachable or failed.
`;

// Whoever read our output has seen enough (`| head`): that is no failure, and nobody is left to tell.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCode.ok);
    throw error;
  });
}
process.exitCode = await main(process.argv.slice(2));
