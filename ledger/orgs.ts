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

/** A pool whose workers have not been heard of for so long, and that has no call, is gone: its claims are free. Longer than any restart or outage that is borne. */
const lapsesAfter = '10 min';

/** SQL: the claim `c` is of a pool that is gone. */
const lapsed = `(
  not exists (select from worker w where w.pool_id = c.pool_id and w.beat_at > statement_timestamp() - interval '${lapsesAfter}')
  and not exists (select from attempt a where a.pool_id = c.pool_id and a.released_at is null))`;

/** SQL: projects of pool $1 whose orgs it keeps: those of its newest policy, those that this worker knows, and those with calls. */
const kept = `(d.project = any($2::text[])
  or exists (select from attempt a where a.pool_id = $1 and a.project = d.project and a.released_at is null)
  or (select spec from policy where pool_id = $1 order by version desc limit 1)
    @? ('$.subscriptions[*].projects[*] ? (@.name == ' || to_json(d.project)::text || ')')::jsonpath)`;

/**
 * Claims the orgs of these projects, and gives up those of the pool's that no project has any more that is declared or still has calls. The oldest claim wins,
 * unless its pool is gone. Returns the projects whose org belongs to another pool; of two that claim at the same time, the later one is told so by its
 * next look.
 */
export async function claimOrgs(sql: Sql, poolId: PoolId, projects: readonly ProjectName[]): Promise<ReadonlySet<ProjectName>> {
  const { rows } = await sql.query<{ project: ProjectName }>({
    name: 'claim-orgs',
    text: `
      with declared as (
        select project, org_id from project_watch where pool_id = $1 and project = any($2::text[]) and org_id <> ''),
      given_up as (
        delete from org_claim c where c.pool_id = $1
          and not exists (select from project_watch d where d.pool_id = $1 and d.org_id = c.org_id and ${kept})),
      inherited as (
        update org_claim c set pool_id = $1, claimed_at = clock_timestamp() from (select distinct org_id from declared) d
        where c.org_id = d.org_id and c.pool_id <> $1 and ${lapsed} returning c.org_id),
      claimed as (
        insert into org_claim (org_id, pool_id)
        select distinct d.org_id, $1::int from declared d where not exists (select from org_claim c where c.org_id = d.org_id)
        order by 1 on conflict do nothing)
      select d.project from declared d join org_claim c on c.org_id = d.org_id
      where c.pool_id <> $1 and c.org_id not in (select org_id from inherited)`,
    values: [poolId, projects],
  });
  return new Set(rows.map(({ project }) => project));
}
