/** `org_claim`: which pool an org of the provider belongs to, the first in whose answers it was seen. `project_watch.org_id` says where each was seen. */
export const orgClaims = `
create table org_claim (
  org_id text primary key,
  pool_id int not null references pool,
  claimed_at timestamptz not null default clock_timestamp()
);
create index org_claim_pool on org_claim (pool_id);
`;
