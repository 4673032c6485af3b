import type { ProjectName } from '../crds/values.ts';
import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/** Orgs of the provider. Each belongs to one pool of the ledger: two that dial with its lines would each take the other's calls for foreign. */

/** Notes the org that the provider's answers name for a project's key. */
export async function noteOrg(sql: Sql, poolId: PoolId, project: ProjectName, orgId: string): Promise<void> {
  await sql.query(
    `insert into project_watch (pool_id, project, org_id) values ($1, $2, $3) on conflict (pool_id, project) do update set org_id = excluded.org_id`,
    [poolId, project, orgId],
  );
}

/**
 * Claims the orgs of these projects, and gives up those of the pool's that none of them has any more. The oldest claim wins. Returns the projects whose
 * org belongs to another pool; of two that claim at the same time, the later one is told so by its next look.
 */
export async function claimOrgs(sql: Sql, poolId: PoolId, projects: readonly ProjectName[]): Promise<ReadonlySet<ProjectName>> {
  const { rows } = await sql.query<{ project: ProjectName }>({
    name: 'claim-orgs',
    text: `
      with declared as (
        select project, org_id from project_watch where pool_id = $1 and project = any($2::text[]) and org_id <> ''),
      given_up as (delete from org_claim c where c.pool_id = $1 and not exists (select from declared d where d.org_id = c.org_id)),
      claimed as (
        insert into org_claim (org_id, pool_id)
        select distinct d.org_id, $1::int from declared d where not exists (select from org_claim c where c.org_id = d.org_id)
        order by 1 on conflict do nothing)
      select d.project from declared d join org_claim c on c.org_id = d.org_id where c.pool_id <> $1`,
    values: [poolId, projects],
  });
  return new Set(rows.map(({ project }) => project));
}
