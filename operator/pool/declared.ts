import { z } from 'zod';
import { compilePolicy } from '../../capacity/policy/compile.ts';
import type { Policy } from '../../capacity/policy/policy.ts';
import { scalingPolicyOf } from '../../capacity/scaling/compile.ts';
import type { ScalingPolicy } from '../../capacity/scaling/policy.ts';
import { type FieldProblem, parseExplained } from '../../crds/messages.ts';
import { type PoolManifest, type PoolSpec, poolManifest } from '../../crds/pool.ts';
import { pathText } from '../../crds/rules.ts';
import { type PoolStatus, poolStatus } from '../../crds/status.ts';
import { durationMs, poolName } from '../../crds/values.ts';
import { ownPart, versionNumber } from './resources.ts';

/** A pool as the cluster has it. */
export type PoolObject = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  /** Grows with each change of the object, status included. */
  readonly version: number;
  /** It is on its way out; nothing is made for it any more. */
  readonly deleting: boolean;
  readonly declared: Declared;
  /** As JSON, its metadata with our managed fields, and its status: what a new status is compared with. */
  readonly live: string;
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
});

const withStatus = z.object({ status: poolStatus });
const withSomeStatus = z.object({ status: z.object(poolStatus.pick({ observedGeneration: true, ledgerId: true }).shape) });

const maxProblems = 10;
const maxDefectChars = 300;
const noLedger = 'spec.ledger is needed in a cluster: name the Secret that holds the URL of the database';

/**
 * Reads a pool. What the API server let through and our rules refuse is a declaration with problems, and not an error. `before`: the pool as it was read
 * last; a declaration of the same generation is the same, and reading it is most of the work.
 */
export function readPool(live: unknown, before?: PoolObject): PoolObject {
  const { apiVersion, kind, metadata, spec } = object.parse(live);
  const { name, namespace, uid, generation, deletionTimestamp } = metadata;
  return {
    name,
    namespace,
    uid,
    generation,
    version: versionNumber(live),
    deleting: deletionTimestamp !== undefined,
    declared:
      before?.uid === uid && before.generation === generation
        ? before.declared
        : declaredIn({ apiVersion, kind, metadata: { name, namespace }, spec }),
    live: JSON.stringify({ ...ownPart(live), spec: undefined }),
  };
}

/**
 * What was told of it last; undefined: nothing yet. Of what a newer release told, the generation and the ledger are read in any case: that the pool was looked
 * at, and where its queue is, must not be forgotten with an operator that is rolled back.
 */
export function readStatus({ live }: Pick<PoolObject, 'live'>): PoolStatus | undefined {
  const told: unknown = JSON.parse(live);
  const read = withStatus.safeParse(told);
  if (read.success) return read.data.status;
  const some = withSomeStatus.safeParse(told);
  return some.success ? some.data.status : undefined;
}

/**
 * A defect of ours in reading a declaration is told like one of the declaration: an object that nobody can read would count as gone otherwise, and its pool be
 * closed.
 */
function declaredIn(manifest: unknown): Declared {
  try {
    const parsed = parseExplained(poolManifest, manifest);
    return parsed.ok ? compile(parsed.value) : { accepted: false, problems: textsOf(parsed.problems) };
  } catch (error) {
    return {
      accepted: false,
      problems: [`spec cannot be read by this release of the operator: ${String(error).slice(0, maxDefectChars)}`],
    };
  }
}

/** A declaration that was read elsewhere, made ready; undefined: our rules do not let it pass any more. */
export function compiledOf(name: string, spec: PoolSpec): Compiled | undefined {
  const declared = compile({
    apiVersion: 'trunkline.dev/v1alpha1',
    kind: 'VoiceCapacityPool',
    metadata: { name: poolName.parse(name) },
    spec,
  });
  return declared.accepted ? declared : undefined;
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
