/**
 * For handlers that keep something of a call in memory: `worker.address` is where other workers reach this one, null where none can. `call_home` says by name
 * which worker has a call, for a worker that had lost the ledger has a new number and still all that it remembers. `over_at`: nothing of the call is expected any
 * more, and its worker may leave.
 */
export const callHomes = `
alter table worker add column address text;

create table call_home (
  pool_id int not null references pool,
  call_id text not null,
  worker text not null,
  claimed_at timestamptz not null default clock_timestamp(),
  over_at timestamptz,
  primary key (pool_id, call_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

create index call_home_of on call_home (pool_id, worker);
`;
