/**
 * - `dispatcher`: on which server's data the pool was last dispatched, and how often it has beaten: what tells that a ledger lost its newest part.
 *   `former_beat_at` is the last beat before the election in force.
 * - `guard`: such a pool, until every project has been listed. `certain_at`: what happened before it the ledger knows. `project_watch.listed_for`: the
 *   guard for which the project's calls were listed completely.
 */
export const guards = `
alter table dispatcher add column system_id text, add column timeline bigint, add column beats bigint not null default 0,
  add column former_beat_at timestamptz;
create table guard (
  pool_id int primary key references pool,
  id uuid not null default gen_random_uuid(),
  reason text not null,
  raised_at timestamptz not null default clock_timestamp(),
  certain_at timestamptz not null
);
alter table project_watch add column listed_for uuid;
`;
