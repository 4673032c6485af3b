import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { buildServers, builtServers } from './build.ts';

/** Where the programs of a Kubernetes control plane come from: installed ones, or our own build of them. */

export type ProgramName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubectl';
/** How a program is called: the file, and arguments that come before all others. */
export type Program = readonly [file: string, ...first: string[]];
export type Programs = {
  /** Where they are from, for people. */
  readonly from: string;
  readonly find: (name: ProgramName) => Program | undefined;
};

const howToGet = [
  'There is no Kubernetes API server to test against. One of these gives one:',
  '- TRUNKLINE_TEST_KUBECONFIG=FILE: a cluster that tests may use, by its kubeconfig. They leave the custom resource definition in it.',
  '- KUBEBUILDER_ASSETS=FOLDER: etcd, kube-apiserver and kubectl, as `setup-envtest use` downloads them. On PATH they are found too.',
  '  Tests that need kube-controller-manager are skipped where it is not beside them.',
  '- Go 1.25 or newer on PATH: the tests build what they need, once.',
].join('\n');

/** The first of: KUBEBUILDER_ASSETS, PATH, an earlier build, a build now. */
export async function findPrograms(env: NodeJS.ProcessEnv, tell: (line: string) => void): Promise<Programs> {
  const assets = env['KUBEBUILDER_ASSETS'];
  if (assets !== undefined && assets !== '') {
    const installed = programsIn([assets], `KUBEBUILDER_ASSETS (${assets})`);
    if (!isPlane(installed)) throw new Error(`KUBEBUILDER_ASSETS is ${assets}, and there is no etcd or no kube-apiserver in it`);
    return installed;
  }
  const onPath = programsIn(pathOf(env), 'PATH');
  if (isPlane(onPath)) return onPath;

  const built = await builtServers(env);
  if (built !== undefined) return ofOurs(built, 'an earlier build');
  const go = programsIn(pathOf(env), 'PATH').findFile('go');
  if (go === undefined) throw new Error(howToGet);
  return ofOurs(await buildServers(go, env, tell), 'a build just made');
}

/** kubectl as installed, for clusters that are there already. */
export function installedKubectl(env: NodeJS.ProcessEnv): Program {
  const found = programsIn([...(env['KUBEBUILDER_ASSETS'] === undefined ? [] : [env['KUBEBUILDER_ASSETS']]), ...pathOf(env)], '').find(
    'kubectl',
  );
  if (found === undefined)
    throw new Error('kubectl is neither on PATH nor in KUBEBUILDER_ASSETS: install it to test against a cluster of your own');
  return found;
}

function pathOf(env: NodeJS.ProcessEnv): readonly string[] {
  return (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
}

/** Whether there is such a program. */
export function isOnPath(program: string): boolean {
  return programsIn(pathOf(process.env), 'PATH').findFile(program) !== undefined;
}

function programsIn(folders: readonly string[], from: string): Programs & { readonly findFile: (name: string) => string | undefined } {
  const findFile = (name: string) => folders.map((folder) => join(folder, name)).find(isExecutable);
  return {
    from,
    findFile,
    find: (name) => {
      const file = findFile(name);
      return file === undefined ? undefined : [file];
    },
  };
}

function ofOurs(file: string, from: string): Programs {
  return { from: `${from} (${file})`, find: (name) => [file, name] };
}

function isPlane(programs: Programs): boolean {
  return programs.find('etcd') !== undefined && programs.find('kube-apiserver') !== undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error) return false; // not there, or not for us
    throw error;
  }
}
