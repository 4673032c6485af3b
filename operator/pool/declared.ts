import { z } from 'zod';
import { compilePolicy } from '../../capacity/policy/compile.ts';
import type { Policy } from '../../capacity/policy/policy.ts';
import { scalingPolicyOf } from '../../capacity/scaling/compile.ts';
import type { ScalingPolicy } from '../../capacity/scaling/policy.ts';
import { type FieldProblem, parseExplained } from '../../crds/messages.ts';
import { type PoolManifest, type PoolSpec, poolManifest } from '../../crds/pool.ts';
import { pathText } from '../../crds/rules.ts';
import { type PoolStatus, poolStatus } from '../../crds/status.ts';
import { durationMs } from '../../crds/values.ts';
import { ownPart } from './resources.ts';

/** A pool as the cluster has it. */
export type PoolObject = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  /** It is on its way out; nothing is made for it any more. */
  readonly deleting: boolean;
  readonly declared: Declared;
  /** As it was told last. Undefined: not yet, or by a release whose words this one does not know. */
  readonly status: PoolStatus | undefined;
  /** Its metadata with our managed fields, and its status: what a new status is compared with. */
  readonly live: unknown;
};

/** A declaration that workers can act on, made ready; or what is wrong with it, field by field. */
export type Declared = ({ readonly accepted: true } & Compiled) | { readonly accepted: false; readonly problems: readonly string[] };

export type Compiled = {
  readonly spec: PoolSpec;
  /** Of the policy what scaling goes by: with a thousand pools the whole of it would be most of the memory. */
  readonly policy: Pick<Policy, 'subscriptions'>;
  /** Names of the classes that take callers. */
  readonly inbound: readonly string[];
  readonly scaling: ScalingPolicy;
  readonly drainTimeoutMs: number;
};

const object = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    generation: z.number(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
});

const maxProblems = 10;
const noLedger = 'spec.ledger is needed in a cluster: name the Secret that holds the URL of the database';

/** Reads a pool. What the API server let through and our rules refuse is a declaration with problems, and not an error. */
export function readPool(live: unknown): PoolObject {
  const { apiVersion, kind, metadata, spec, status } = object.parse(live);
  const { name, namespace, uid, generation, deletionTimestamp } = metadata;
  const parsed = parseExplained(poolManifest, { apiVersion, kind, metadata: { name, namespace }, spec });
  const told = poolStatus.safeParse(status);
  return {
    name,
    namespace,
    uid,
    generation,
    deleting: deletionTimestamp !== undefined,
    declared: parsed.ok ? compile(parsed.value) : { accepted: false, problems: textsOf(parsed.problems) },
    status: told.success ? told.data : undefined,
    live: { ...ownPart(live), spec: undefined },
  };
}

function compile(manifest: PoolManifest): Declared {
  const { spec } = manifest;
  const { policy, problems } = compilePolicy(manifest);
  if (problems.length > 0) return { accepted: false, problems: textsOf(problems) };
  if (spec.ledger === undefined) return { accepted: false, problems: [noLedger] };
  return {
    accepted: true,
    spec,
    policy: { subscriptions: policy.subscriptions },
    inbound: policy.classes.filter(({ direction }) => direction !== 'Outbound').map(({ name }) => name),
    scaling: scalingPolicyOf(spec),
    drainTimeoutMs: durationMs(spec.workers.drain.timeout),
  };
}

function textsOf(problems: readonly Pick<FieldProblem, 'path' | 'message'>[]): readonly string[] {
  return problems.slice(0, maxProblems).map(({ path, message }) => `${pathText(path)} ${message}`);
}
