import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Program, type Runner, StepFailed } from './steps.ts';

/** Runs the programs that a local cluster is made with, from the root of the sources. */

/** What only tells something. The steps take what they take, and can be interrupted. */
const answersWithinMs = 30_000;
const root = fileURLToPath(new URL('..', import.meta.url));

/** Docker and what goes with it are not on this machine, or do not answer. */
export class ProgramMissing extends Error {
  override readonly name = 'ProgramMissing';
}

const howToGet: Readonly<Record<Exclude<Program, 'synth'>, string>> = {
  docker: 'a running Docker is needed, as the nodes of the cluster are containers: https://docs.docker.com/get-started/get-docker/',
  kind: 'kind is needed, 0.24 or newer: https://kind.sigs.k8s.io/docs/user/quick-start/#installation',
  kubectl: 'kubectl is needed: https://kubernetes.io/docs/tasks/tools/',
};

/** What each is asked to find out whether it is there; Docker answers only with its server. */
const questions: Readonly<Record<Exclude<Program, 'synth'>, readonly string[]>> = {
  docker: ['version', '--format', '{{.Server.Version}}'],
  kind: ['version'],
  kubectl: ['version', '--client'],
};

/** @throws ProgramMissing for all that are missing at once */
export async function mustHave(programs: readonly Exclude<Program, 'synth'>[]): Promise<void> {
  const missing: string[] = [];
  for (const program of programs) {
    try {
      await start(program, questions[program], 'read');
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      missing.push(`${howToGet[program]}\n  (${error.message})`);
    }
  }
  if (missing.length > 0) throw new ProgramMissing(missing.join('\n'));
}

export const programs: Runner = {
  run: async (program, args) => {
    process.stderr.write(`\n$ ${program} ${args.join(' ')}\n`);
    await start(program, args, 'show');
  },
  read: (program, args) => start(program, args, 'read'),
  say: (line) => void process.stderr.write(`${line}\n`),
};

function start(program: Program, args: readonly string[], output: 'show' | 'read'): Promise<string> {
  const [file, ...first] = program === 'synth' ? [process.execPath, 'charts/main.ts'] : [program];
  return new Promise((resolve, reject) => {
    const stdio = output === 'read' ? 'pipe' : 'inherit';
    // Not spawn's own timeout: its timer goes on, and holds the process, when the program is not there.
    const limit = output === 'read' ? { signal: AbortSignal.timeout(answersWithinMs) } : {};
    const child = spawn(file, [...first, ...args], { cwd: root, stdio: ['ignore', stdio, stdio], ...limit });
    let out = '';
    let err = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      err = (err + text).slice(-2_000);
    });
    child.once('error', (error) => reject(new StepFailed(`${program}: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (code === 0) resolve(out);
      else reject(new StepFailed(`${program} ${args[0] ?? ''} ended with ${code ?? signal}${err === '' ? '' : `: ${err.trim()}`}`));
    });
  });
}
