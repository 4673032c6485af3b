import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { inject, type TestContext } from 'vitest';

/** The cluster that the tests of a run share. */

const definition = fileURLToPath(new URL('../../crds/generated/voicecapacitypools.yaml', import.meta.url));

/** Skips a test of what only controllers do: they delete the objects of a deleted pool, and make pods of a Deployment. The run says so as well. */
export function needsControllers(context: TestContext): void {
  if (!inject('controllers')) context.skip('there is no kube-controller-manager beside the API server');
}

/** The administrator's access to it. */
export function administrator(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(inject('kubeconfig'));
  return config;
}

/** Makes the cluster know pools: the definition is applied, and served. */
export async function serveDefinition(): Promise<void> {
  await kubectlSays(['apply', '--server-side', '--force-conflicts', '-f', definition]);
  await kubectlSays(['wait', '--for=condition=Established', '--timeout=30s', 'crd/voicecapacitypools.trunkline.dev']);
}

/** A namespace of its own, and how to remove it. */
export async function makeNamespace(config: KubeConfig): Promise<{ readonly name: string; readonly remove: () => Promise<void> }> {
  const core = config.makeApiClient(CoreV1Api);
  const name = `trunkline-test-${randomBytes(4).toString('hex')}`;
  await core.createNamespace({ body: { metadata: { name } } });
  return { name, remove: async () => void (await core.deleteNamespace({ name })) };
}

export type Said = { readonly code: number; readonly out: string; readonly err: string };

/** Runs kubectl as administrator. */
export function kubectl(args: readonly string[], input = ''): Promise<Said> {
  const [file, ...first] = inject('kubectl');
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      [...first, `--kubeconfig=${inject('kubeconfig')}`, ...args],
      { timeout: 60_000, maxBuffer: 16_777_216 },
      (error, out, err) => {
        if (error === null) resolve({ code: 0, out, err });
        else if (typeof error.code === 'number') resolve({ code: error.code, out, err });
        else reject(error);
      },
    );
    // One that is gone before it has read its input tells by its status.
    child.stdin?.once('error', () => undefined).end(input);
  });
}

/** What kubectl prints. A failure of it fails the test. */
export async function kubectlSays(args: readonly string[], input = ''): Promise<string> {
  const { code, out, err } = await kubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${err}`);
  return out;
}
