import type { Logger } from 'pino';
import { compilePolicy } from '../capacity/policy/compile.ts';
import type { Policy, ProjectPolicy } from '../capacity/policy/policy.ts';
import type { PoolSpec } from '../crds/pool.ts';
import { type PoolKey, poolNameOf } from '../crds/values.ts';
import type { Database } from '../ledger/database.ts';
import { type PoolId, type RejectedPolicy, readFormerPolicies, readPolicy, type StoredPolicy } from '../ledger/policy.ts';

/** Workers act on the newest policy within a second. */
const lookEveryMs = 700;

export type PolicyInForce = {
  readonly poolId: PoolId;
  /** The version of the policy in force. */
  readonly version: () => number;
  /** A newer policy that this release cannot read. */
  readonly rejected: () => RejectedPolicy | undefined;
  readonly policy: () => Policy;
  readonly spec: () => PoolSpec;
  /** Projects that the policy no longer has: their calls are watched to the end, nothing new is sent there. */
  readonly formerProjects: () => readonly ProjectPolicy[];
  stop(): void;
};

/** The pool is not in this ledger. */
export class PoolUnknown extends Error {
  override readonly name = 'PoolUnknown';
}

/**
 * Keeps the newest policy of the pool at hand. When the ledger does not answer, or holds one that this release cannot read, the last one stays in
 * force (I8).
 * @throws PoolUnknown
 */
export async function watchPolicy(database: Database, pool: PoolKey, log: Logger): Promise<PolicyInForce> {
  const first = await readPolicy(database, pool);
  if (first === undefined) throw new PoolUnknown(`pool ${pool} is not in this ledger: \`trunkline up\` or the operator puts it there`);
  let stored = first;
  let policy = compile(pool, stored.spec);
  let former = await formerProjectsOf(database, pool, stored.poolId, policy, log);
  tell(undefined, first, log);
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function look(): Promise<void> {
    try {
      const newest = await readPolicy(database, pool);
      if (newest !== undefined) {
        tell(stored, newest, log);
        if (newest.version !== stored.version) {
          const compiled = compile(pool, newest.spec);
          former = await formerProjectsOf(database, pool, newest.poolId, compiled, log);
          policy = compiled;
          log.info({ version: newest.version }, 'policy in force');
        }
        // In one breath with the policy: what is written by the one carries the version of the other.
        stored = newest;
      }
    } catch (error) {
      log.warn({ err: error }, 'policy not read: the last one stays in force');
    }
    if (!stopped) timer = setTimeout(() => void look(), lookEveryMs);
  }

  timer = setTimeout(() => void look(), lookEveryMs);
  return {
    poolId: first.poolId,
    version: () => stored.version,
    rejected: () => stored.rejected,
    policy: () => policy,
    spec: () => stored.spec,
    formerProjects: () => former,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Says once of a policy what this release does not make of it. */
function tell(before: StoredPolicy | undefined, { version, ignored, rejected }: StoredPolicy, log: Logger): void {
  if (ignored.length > 0 && version !== before?.version) log.warn({ version, fields: ignored }, 'fields of a newer release are left out');
  if (rejected !== undefined && rejected.version !== before?.rejected?.version)
    log.error({ ...rejected, inForce: version }, 'the newest policy cannot be read by this release: an older one stays in force');
}

async function formerProjectsOf(
  database: Database,
  pool: PoolKey,
  poolId: PoolId,
  policy: Policy,
  log: Logger,
): Promise<readonly ProjectPolicy[]> {
  const former = new Map<string, ProjectPolicy>();
  const { policies, unreadable } = await readFormerPolicies(database, poolId);
  if (unreadable.length > 0)
    log.warn({ policies: unreadable.map(({ message }) => message) }, 'calls of projects that only these policies have are not watched');
  for (const { spec } of policies) {
    for (const project of compile(pool, spec).projects) {
      const declared = policy.projects.some(({ name }) => name === project.name);
      if (!declared && !former.has(project.name)) former.set(project.name, project);
    }
  }
  return [...former.values()];
}

function compile(pool: PoolKey, spec: PoolSpec): Policy {
  return compilePolicy({ apiVersion: 'trunkline.dev/v1alpha1', kind: 'VoiceCapacityPool', metadata: { name: poolNameOf(pool) }, spec })
    .policy;
}
