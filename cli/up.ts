import { Command, InvalidArgumentError, Option } from 'commander';
import { duration, durationMs } from '../crds/values.ts';
import { watchInterrupts } from '../standalone/interrupts.ts';
import { Interrupted } from '../standalone/run.ts';
import type { Bounds } from '../standalone/scaling.ts';
import { openScreen } from '../standalone/screen.ts';
import { type Summary, summaryText } from '../standalone/summary.ts';
import { up } from '../standalone/up.ts';
import { exitCode } from './exit-codes.ts';

/** What commander makes of the command line. */
type Flags = {
  readonly simulate?: string | true;
  readonly workers?: Bounds;
  readonly for?: number;
  readonly speed?: number;
  readonly state?: string;
  readonly secrets?: string;
  readonly port: number;
  readonly publicUrl?: string;
  readonly json?: true;
};

/** `trunkline up POOL.yaml`: runs a pool on this machine until it is told to finish. */
export function upCommand(): Command {
  return new Command('up')
    .description('run a pool on this machine: PostgreSQL, workers and, with --simulate, a provider with callers and callees')
    .argument('[pool.yaml]', 'manifest of the pool')
    .option('--simulate [scenario.yaml]', 'against a simulated provider; a scenario file describes traffic and faults')
    .option(
      '--workers <n|min:max>',
      'worker processes; with min:max they follow the load (default: spec.scaling, one a processor at most)',
      bounds,
    )
    .option('--for <duration>', 'finish by itself after this long, such as 60s', span)
    .option('--speed <n>', 'divide simulated spans by this (default: 20)', factor)
    .option('--state <dir>', 'where database, token, logs and simulator keep their files (default: .trunkline/<pool>)')
    .option('--secrets <dir>', 'secret files, DIR/<secret name>/<key> (default with --simulate: made up)')
    .addOption(
      new Option('--port <n>', 'port of the intake API and webhooks; 0 picks a free one').argParser(whole(0, 65_535)).default(8080),
    )
    .option('--public-url <url>', 'where the provider reaches this machine; without it calls are followed by polling', webUrl)
    .option('--json', 'progress on stderr; the last line on stdout is the summary as one JSON object')
    .addHelpText('after', afterHelp)
    .action(run);
}

const afterHelp = `
The first Ctrl-C finishes: nothing new is dialled, live calls end, what waits stays queued for the next run. The second stops at once.

Examples:
  trunkline up crds/samples/trial.yaml --simulate --for 60s
  trunkline up pool.yaml --secrets ./secrets --public-url https://voice.example.com

Exit status: 0 finished, 1 sessions were lost, 2 wrong usage, 3 it could not start or was stopped at once.
`;

async function run(poolFile: string | undefined, flags: Flags, command: Command): Promise<void> {
  if (poolFile === undefined) {
    const hint = typeof flags.simulate === 'string' ? `; --simulate took ${flags.simulate} for its scenario: write the pool first` : '';
    command.error(`error: missing required argument 'pool.yaml'${hint}`, { exitCode: exitCode.usage });
  }
  if (flags.simulate === undefined && flags.speed !== undefined)
    command.error('error: --speed needs --simulate', { exitCode: exitCode.usage });
  if (flags.simulate === undefined && flags.secrets === undefined) {
    command.error('error: give --secrets DIR with the keys of your projects, or --simulate', { exitCode: exitCode.usage });
  }
  const screen = openScreen(flags.json === true ? process.stderr : process.stdout);
  const interrupts = watchInterrupts();
  let summary: Summary | undefined;
  try {
    summary = await up(
      {
        poolFile,
        simulate:
          flags.simulate === undefined
            ? undefined
            : { scenarioFile: flags.simulate === true ? undefined : flags.simulate, speed: flags.speed ?? 20 },
        workers: flags.workers,
        forMs: flags.for,
        stateDirectory: flags.state,
        secretsDirectory: flags.secrets,
        port: flags.port,
        publicUrl: flags.publicUrl,
      },
      screen,
      interrupts,
    );
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    process.stderr.write(`trunkline: ${error.message}\n`);
    process.exitCode = exitCode.failed;
  } finally {
    screen.close();
    interrupts.release();
  }
  if (summary === undefined) return;
  process.stdout.write(flags.json === true ? `${JSON.stringify(summary)}\n` : `\n${summaryText(summary)}\n`);
  if (summary.lost !== null && summary.lost > 0) process.exitCode = exitCode.negative;
}

/** `3`, or `2:6`. */
function bounds(text: string): Bounds {
  const [min = '', max = min, ...more] = text.split(':');
  const parsed = { min: workers(min), max: workers(max) };
  if (more.length > 0 || parsed.min > parsed.max)
    throw new InvalidArgumentError('must be a number, or the least and the most such as 2:6.');
  return parsed;
}

const workers = whole(1, 60);

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    if (!/^\d+$/.test(text) || Number(text) < min || Number(text) > max) {
      throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}.`);
    }
    return Number(text);
  };
}

function factor(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1_000)) throw new InvalidArgumentError('must be a number above 0, at most 1000.');
  return value;
}

function span(text: string): number {
  const parsed = duration('1s', '8760h').safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(`${parsed.error.issues[0]?.message ?? 'must be a duration such as 60s'}.`);
  return durationMs(parsed.data);
}

function webUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw new InvalidArgumentError('must be an http or https URL.');
  return url.href.replace(/\/$/, '');
}
