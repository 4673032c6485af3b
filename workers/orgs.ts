import type { Logger } from 'pino';
import type { Policy } from '../capacity/policy/policy.ts';
import type { ProjectName } from '../crds/values.ts';
import type { Database } from '../ledger/database.ts';
import { claimOrgs, noteOrg } from '../ledger/orgs.ts';
import type { PoolId } from '../ledger/policy.ts';

/** Which of the pool's projects dial with the lines of an org that belongs to another pool, as the ledger said when it was last asked. */
export type Orgs = {
  /** Nothing may be dialled with such a project. */
  isElsewhere(project: ProjectName): boolean;
  /** The org that an answer of the provider named. What it leads to is known with the next {@link Orgs.refresh}, which follows at once if it is news. */
  heard(project: ProjectName, orgId: string): void;
  refresh(): Promise<void>;
};

export function openOrgs(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly policy: () => Policy;
  readonly log: Logger;
}): Orgs {
  const known = new Map<ProjectName, string>();
  let elsewhere: ReadonlySet<ProjectName> = new Set();

  async function refresh(): Promise<void> {
    const declared = deps.policy().projects.map(({ name }) => name);
    const found = await claimOrgs(deps.database, deps.poolId, declared);
    for (const project of found) {
      if (!elsewhere.has(project))
        deps.log.error(
          { project },
          'its org belongs to another pool of this ledger: nothing is dialled with it until one of them drops it',
        );
    }
    elsewhere = found;
  }

  async function note(project: ProjectName, orgId: string): Promise<void> {
    await noteOrg(deps.database, deps.poolId, project, orgId);
    await refresh();
  }

  return {
    isElsewhere: (project) => elsewhere.has(project),
    heard(project, orgId) {
      if (orgId === '' || known.get(project) === orgId) return;
      known.set(project, orgId);
      note(project, orgId).catch((error: unknown) => {
        known.delete(project);
        deps.log.warn({ err: error, project }, 'org not noted: noted with the next call');
      });
    },
    refresh,
  };
}
