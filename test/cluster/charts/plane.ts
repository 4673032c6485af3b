import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AuthorizationV1Api, KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, inject } from 'vitest';
import { type folders, type SynthOptions, synthesise } from '../../../charts/synth.ts';
import { kubectl, kubectlSays, type Said } from '../cluster.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { findPrograms } from '../programs.ts';

/**
 * A cluster of its own, on which nothing is installed: what an installation brings (policies of admission, cluster-wide roles) would concern every other test
 * on the shared one.
 */
export type BarePlane = {
  readonly kubeconfig: () => string;
  /** See ../audit.ts. */
  readonly auditLog: () => string;
  readonly kubectl: (args: readonly string[], input?: string) => Promise<Said>;
  readonly says: (args: readonly string[], input?: string) => Promise<string>;
};

export const isGivenCluster = (process.env['TRUNKLINE_TEST_KUBECONFIG'] ?? '') !== '';

/** With the controllers that make pods of Deployments, if they are there. Not for a run on somebody's own cluster. */
export function aBarePlane(): BarePlane {
  let plane: ControlPlane | undefined;
  beforeAll(async () => {
    plane = await startControlPlane(await findPrograms(process.env, () => undefined));
    if (inject('controllers')) await plane.run('kube-controller-manager');
  });
  afterAll(() => plane?.stop());
  const running = () => {
    if (plane === undefined) throw new Error('the control plane starts before the tests run');
    return plane;
  };
  const kubeconfig = () => running().kubeconfig;
  const there = (args: readonly string[]) => [...args, `--kubeconfig=${kubeconfig()}`];
  return {
    kubeconfig,
    auditLog: () => running().auditLog,
    kubectl: (args, input) => kubectl(there(args), input),
    says: (args, input) => kubectlSays(there(args), input),
  };
}

/** Folders of manifests as `npm run synth` writes them, gone with the tests. */
export function synthesisedFolders(options: SynthOptions): { readonly folder: (name: (typeof folders)[number]) => string } {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'trunkline-dist-'));
    for (const { path, text } of synthesise(options)) {
      await mkdir(join(directory, dirname(path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));
  return { folder: (name) => join(directory, name) };
}

export type Asked = {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
};

/** What the API server's authorizer says of requests, of an account or a user. */
export function accessReviews(kubeconfig: string): (user: string, groups: readonly string[], asked: Asked) => Promise<boolean> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const api = config.makeApiClient(AuthorizationV1Api);
  return async (user, groups, asked) => {
    const body = { spec: { user, groups: [...groups], resourceAttributes: { ...asked } } };
    return (await api.createSubjectAccessReview({ body })).status?.allowed === true;
  };
}
