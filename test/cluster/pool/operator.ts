import { setTimeout as pause } from 'node:timers/promises';
import { inject, onTestFailed, onTestFinished } from 'vitest';
import { z } from 'zod';
import { poolStatus } from '../../../crds/status.ts';
import { poolWith } from '../../crds/pools.ts';
import { type Command, startCommand } from '../../support/command.ts';
import { kubectl, kubectlSays } from '../cluster.ts';

/** The operator as a process on the shared control plane. There is no kubelet: pods are made by the cluster's controllers, and stay pending. */

export type RunningOperator = {
  readonly process: Command;
  /** Port of its probes and metrics. */
  readonly port: number;
  readonly stop: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>;
};

const endsWithinMs = 25_000;

/** Starts one for the pools of a namespace, or of several; its Lease is in the first. It ends with the test. */
export async function anOperator(
  namespace: string,
  ledgerUrl: string,
  name = 'operator',
  kubeconfig = inject('kubeconfig'),
  namespaces: readonly string[] = [namespace],
): Promise<RunningOperator> {
  const process = startCommand(['operator/main.ts'], {
    KUBECONFIG: kubeconfig,
    TRUNKLINE_LEDGER_URL: ledgerUrl,
    TRUNKLINE_WORKER_IMAGE: 'trunkline:test',
    TRUNKLINE_NAMESPACES: namespaces.join(','),
    TRUNKLINE_HEALTH_PORT: '0',
    POD_NAMESPACE: namespace,
    POD_NAME: name,
  });
  const stop = async (signal: 'SIGTERM' | 'SIGKILL') => {
    process.child.kill(signal);
    // A kubelet's patience is limited as well, and Node may stand still while it ends (nodejs/node#54918).
    const late = setTimeout(() => process.child.kill('SIGKILL'), endsWithinMs);
    await process.ended;
    clearTimeout(late);
  };
  onTestFailed(() => void globalThis.process.stdout.write(`what ${name} said last:\n${process.err().split('\n').slice(-30).join('\n')}\n`));
  // So that the next test's operator need not wait until the Lease of this one runs out.
  onTestFinished(() => stop('SIGTERM'));
  const started = await until(`${name} stands for leader`, () => /"port":(\d+)/.exec(process.err())?.[1]);
  return { process, port: Number(started), stop };
}

/** Asks again and again for what is not there yet. Fails with what was asked for and the last error. */
export async function until<T>(
  what: string,
  ask: () => T | false | undefined | Promise<T | false | undefined>,
  withinMs = 50_000,
): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  let failure: unknown;
  while (performance.now() < deadlineMs) {
    try {
      const found = await ask();
      if (found !== undefined && found !== false) return found;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    await pause(100);
  }
  throw new Error(`not within ${withinMs} ms: ${what}`, { cause: failure });
}

/** The sound pool of the schema's tests as one for a cluster. Its accounts are its own: a ledger refuses them to a second pool. */
export function poolNamed(name: string, changes: Readonly<Record<string, unknown>> = {}): string {
  return poolWith({
    'metadata.name': name,
    'spec.ledger': { secretRef: { name: 'ledger', key: 'url' } },
    'spec.subscriptions[0].accountId': `${name}-main`,
    'spec.subscriptions[1].accountId': `${name}-second`,
    ...changes,
  });
}

export async function apply(namespace: string, manifest: string): Promise<void> {
  await kubectlSays(['apply', '--server-side', '-n', namespace, '-f', '-'], manifest);
}

const object = z.looseObject({
  metadata: z.looseObject({ name: z.string(), uid: z.string(), generation: z.number().optional() }),
  spec: z.looseObject({}).optional(),
  status: z.unknown().optional(),
});
export type Seen = z.infer<typeof object>;

/** An object as the cluster has it; undefined when there is none. */
export async function seen(namespace: string, kind: string, name: string): Promise<Seen | undefined> {
  const { code, out, err } = await kubectl(['get', kind, name, '-n', namespace, '-o', 'json', '--ignore-not-found']);
  if (code !== 0) throw new Error(err);
  return out.trim() === '' ? undefined : object.parse(JSON.parse(out));
}

/** The condition of a pool, once the pool has it. */
export async function condition(namespace: string, pool: string, type: string) {
  const status = poolStatus.optional().parse((await seen(namespace, 'vcp', pool))?.status);
  return status?.conditions?.find((one) => one.type === type);
}

/** Waits until a condition of a pool has this reason. */
export function untilReason(namespace: string, pool: string, type: string, reason: string, withinMs?: number) {
  return until(
    `condition ${type} of pool ${pool} says ${reason}`,
    async () => {
      const now = await condition(namespace, pool, type);
      if (now?.reason === reason) return now;
      throw new Error(`it says ${now?.reason ?? 'nothing'}: ${now?.message ?? ''}`);
    },
    withinMs,
  );
}
