import { z } from 'zod';
import type { DeclaredLines } from '../capacity/policy/lineage.ts';
import { projectName, subscriptionName, upstreamName } from '../crds/values.ts';
import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/** As many policies are looked through; lines of earlier ones count by the newest that has their names. */
const mostPolicies = 200;

const lines = z.object({
  version: z.coerce.number(),
  subscriptions: z.array(
    z.object({
      name: subscriptionName,
      accountId: z.string().nullish(),
      projects: z.array(z.object({ name: projectName, upstreams: z.array(upstreamName) })),
    }),
  ),
  upstreams: z.array(upstreamName),
});

/** SQL: the elements of a list; none of what a newer release may have there instead. */
const elements = (list: string) => `jsonb_array_elements(case when jsonb_typeof(${list}) = 'array' then ${list} else '[]' end)`;

/**
 * What stored policies say of where lines count, newest first. The database picks it out: a dispatcher that read all of every policy would stand still for
 * longer than it may. One that this release cannot read is named and left out, as it is when a policy is taken up: it must not end a dispatcher.
 */
export async function readDeclaredLines(
  sql: Sql,
  poolId: PoolId,
): Promise<{ readonly declared: readonly DeclaredLines[]; readonly unreadable: readonly number[] }> {
  const { rows } = await sql.query<{ version: string }>({
    name: 'read-declared-lines',
    text: `
      select version, case when jsonb_typeof(spec -> 'subscriptions') = 'array' then coalesce((
          select jsonb_agg(jsonb_build_object('name', s -> 'name', 'accountId', s -> 'accountId', 'projects', coalesce((
            select jsonb_agg(jsonb_build_object('name', p -> 'name', 'upstreams', coalesce(p -> 'upstreams', '[]')))
            from ${elements("s -> 'projects'")} as p), '[]')))
          from ${elements("spec -> 'subscriptions'")} as s), '[]') end as subscriptions,
        coalesce((select jsonb_agg(u -> 'name') from ${elements("spec -> 'upstreams'")} as u), '[]') as upstreams
      from policy where pool_id = $1 order by version desc limit ${mostPolicies}`,
    values: [poolId],
  });
  const declared: DeclaredLines[] = [];
  const unreadable: number[] = [];
  for (const row of rows) {
    const read = lines.safeParse(row);
    if (read.success) declared.push(declaredBy(read.data));
    else unreadable.push(Number(row.version));
  }
  return { declared, unreadable };
}

function declaredBy({ version, subscriptions, upstreams }: z.infer<typeof lines>): DeclaredLines {
  return {
    version,
    subscriptions: subscriptions.map(({ name, accountId }) => ({ name, accountId: accountId ?? undefined })),
    projects: subscriptions.flatMap(({ name, projects }) => projects.map((project) => ({ ...project, subscription: name }))),
    upstreams,
  };
}
