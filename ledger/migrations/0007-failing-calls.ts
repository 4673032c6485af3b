/**
 * `failing_call`: calls of lists that could not be brought into the ledger, how often in a row and since when. Those that failed for long enough are put
 * aside: lists go on without them.
 */
export const failingCalls = `
create table failing_call (
  pool_id int not null references pool,
  call_id text not null,
  project text not null,
  tries int not null default 1,
  first_at timestamptz not null default clock_timestamp(),
  last_at timestamptz not null default clock_timestamp(),
  trouble text not null,
  primary key (pool_id, call_id)
);
`;
