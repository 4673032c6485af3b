import type { TestProject } from 'vitest/node';
import { findPrograms, installedKubectl, type Program } from './programs.ts';
import { startSharedPlane, withoutControllers } from './shared-plane.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The administrator's kubeconfig of a cluster that all tests of a run share. */
    readonly kubeconfig: string;
    readonly kubectl: Program;
    /** The API server's record of requests; empty where the cluster is somebody's own. */
    readonly auditLog: string;
    /** Whether something deletes the objects of a deleted pool, and makes pods of a Deployment. */
    readonly controllers: boolean;
  }
}

/** One cluster for the whole run: the one that TRUNKLINE_TEST_KUBECONFIG names, or a control plane of our own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['TRUNKLINE_TEST_KUBECONFIG'];
  if (given !== undefined && given !== '') {
    project.provide('kubeconfig', given);
    project.provide('auditLog', '');
    project.provide('controllers', true);
    project.provide('kubectl', installedKubectl(process.env));
    return async () => undefined;
  }
  const programs = await findPrograms(process.env, tell);
  const { plane, controllers } = await startSharedPlane(programs, tell);
  project.provide('kubeconfig', plane.kubeconfig);
  project.provide('auditLog', plane.auditLog);
  project.provide('controllers', controllers);
  project.provide('kubectl', programs.find('kubectl') ?? installedKubectl(process.env));
  return async () => {
    // Again where it is read: below the results.
    if (!controllers) tell(withoutControllers(programs));
    await plane.stop();
  };
}

function tell(line: string): void {
  process.stdout.write(`cluster: ${line}\n`);
}
