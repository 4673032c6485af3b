import { folders } from '../charts/synth.ts';

/** What is done with a local cluster, step by step. Nothing here runs a program: whoever does is given. */

/** As kind-config.yaml names it. */
export const clusterName = 'trunkline';
const context = `kind-${clusterName}`;

export type Program = 'docker' | 'kind' | 'kubectl' | 'synth';

export type Runner = {
  /** Runs a program with its output shown. @throws StepFailed */
  readonly run: (program: Program, args: readonly string[]) => Promise<void>;
  /** What a program prints. @throws StepFailed */
  readonly read: (program: Program, args: readonly string[]) => Promise<string>;
  readonly say: (line: string) => void;
};

/** A program did not start, or ended with a failure. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

/** The trial is applied; monitoring is not, as nothing in the cluster would read it. */
const applied = folders.filter((folder) => folder !== '90-monitoring');

/**
 * Brings the trial up, or what runs already up to the sources as they are. The image is named by its content: what has changed is rolled out, and what has
 * not is left as it runs.
 * @param releaseImage such as `trunkline:0.1.0`
 */
export async function bringUp({ run, read, say }: Runner, releaseImage: string): Promise<void> {
  const clusters = (await read('kind', ['get', 'clusters'])).split('\n');
  if (clusters.includes(clusterName)) say(`the cluster ${clusterName} is there`);
  else await run('kind', ['create', 'cluster', '--name', clusterName, '--config', 'kind-config.yaml', '--wait', '180s']);

  await run('docker', ['build', '--tag', releaseImage, '.']);
  const id = (await read('docker', ['image', 'inspect', '--format', '{{.Id}}', releaseImage])).trim();
  const image = `${releaseImage}-${id.replace(/^sha256:/, '').slice(0, 12)}`;
  await run('docker', ['tag', releaseImage, image]);
  await run('kind', ['load', 'docker-image', image, '--name', clusterName]);

  await run('synth', ['--image', image]);
  for (const folder of applied) await run('kubectl', ['--context', context, 'apply', '--server-side', '-f', `dist/${folder}`]);
  say('waiting until the pool of the trial serves');
  await run('kubectl', [
    '--context',
    context,
    'wait',
    '--namespace',
    'trunkline-trial',
    '--for=condition=Ready',
    '--timeout=300s',
    'vcp/trial',
  ]);
  say(nextSteps);
}

/** Deletes the cluster with all that is in it; none there is well. */
export async function takeDown({ run }: Runner): Promise<void> {
  await run('kind', ['delete', 'cluster', '--name', clusterName]);
}

const nextSteps = `
The trial runs. To look at it:

  kubectl --context ${context} get vcp -n trunkline-trial -w
  kubectl --context ${context} describe vcp -n trunkline-trial trial
  kubectl --context ${context} port-forward -n trunkline-trial svc/trial-vcp 8080:80

docs/install.md says how to ask the pool something. \`npm run kind\` again takes over what has changed in the sources, and
\`npm run kind -- --delete\` deletes the cluster.
`;
