import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Programs } from './programs.ts';

/** The control plane of our own that all tests of a run share. */

export type SharedPlane = {
  readonly plane: ControlPlane;
  /** Whether controllers run in it: they delete the objects of a deleted pool, and make pods of a Deployment. */
  readonly controllers: boolean;
};

/** Starts it. `setup-envtest` brings no kube-controller-manager: then the rest is tested, and it is said what is not. */
export async function startSharedPlane(programs: Programs, tell: (line: string) => void): Promise<SharedPlane> {
  const plane = await startControlPlane(programs);
  tell(`control plane from ${programs.from}`);
  const controllers = programs.find('kube-controller-manager') !== undefined;
  if (controllers) await plane.run('kube-controller-manager');
  else tell(withoutControllers(programs));
  return { plane, controllers };
}

export function withoutControllers({ from }: Programs): string {
  return `SKIPPED: tests that need a kube-controller-manager; there is none in ${from} (CONTRIBUTING.md says what else gives an API server)`;
}
