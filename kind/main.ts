import { Command } from 'commander';
import { ownImage } from '../charts/image.ts';
import { mustHave, ProgramMissing, programs } from './programs.ts';
import { bringUp, StepFailed, takeDown } from './steps.ts';

/**
 * `npm run kind`: the trial in a local kind cluster. Ends with 0 when the pool serves, 3 when Docker, kind or kubectl is missing, and 1 when a step failed;
 * it may then be run again, and goes on with what is there.
 */

async function main({ delete: gone }: { readonly delete?: true }): Promise<void> {
  try {
    await mustHave(gone === true ? ['docker', 'kind'] : ['docker', 'kind', 'kubectl']);
    if (gone === true) await takeDown(programs);
    else await bringUp(programs, ownImage());
  } catch (error) {
    if (!(error instanceof ProgramMissing || error instanceof StepFailed)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error instanceof ProgramMissing ? 3 : 1;
  }
}

await new Command('npm run kind --')
  .description('brings the trial up in a local kind cluster; needs Docker, kind and kubectl')
  .option('--delete', 'delete the cluster with all that is in it')
  .action(main)
  .parseAsync();
