import { z } from 'zod';
import type { DeclaredLines } from '../capacity/policy/lineage.ts';
import { projectName, subscriptionName, upstreamName } from '../crds/values.ts';
import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/** As many policies are looked through; lines of earlier ones count by the newest that has their names. */
const mostPolicies = 200;

const rows = z.array(
  z.object({
    version: z.coerce.number(),
    subscriptions: z.array(
      z.object({
        name: subscriptionName,
        accountId: z.string().nullish(),
        projects: z.array(z.object({ name: projectName, upstreams: z.array(upstreamName) })),
      }),
    ),
    upstreams: z.array(upstreamName),
  }),
);

/**
 * What stored policies say of where lines count, newest first. The database picks it out: a dispatcher that read all of every policy would stand still for
 * longer than it may.
 */
export async function readDeclaredLines(sql: Sql, poolId: PoolId): Promise<readonly DeclaredLines[]> {
  const { rows: stored } = await sql.query({
    name: 'read-declared-lines',
    text: `
      select version, coalesce((
          select jsonb_agg(jsonb_build_object('name', s ->> 'name', 'accountId', s ->> 'accountId', 'projects', coalesce((
            select jsonb_agg(jsonb_build_object('name', p ->> 'name', 'upstreams', coalesce(p -> 'upstreams', '[]')))
            from jsonb_array_elements(s -> 'projects') as p), '[]')))
          from jsonb_array_elements(spec -> 'subscriptions') as s), '[]') as subscriptions,
        coalesce((select jsonb_agg(u ->> 'name') from jsonb_array_elements(spec -> 'upstreams') as u), '[]') as upstreams
      from policy where pool_id = $1 order by version desc limit ${mostPolicies}`,
    values: [poolId],
  });
  return rows.parse(stored).map(({ version, subscriptions, upstreams }) => ({
    version,
    subscriptions: subscriptions.map(({ name, accountId }) => ({ name, accountId: accountId ?? undefined })),
    projects: subscriptions.flatMap(({ name, projects }) => projects.map((project) => ({ ...project, subscription: name }))),
    upstreams,
  }));
}
