/**
 * What a fleet in a cluster needs beside the calls.
 *
 * - `pool.uid` is the object's in its cluster, and with `fence_transitions` and `fence_generation` what a policy has to be newer than to be written.
 *   `closed_at` says that the object is gone; `deletion_policy` what then becomes of sessions that wait.
 * - `worker`: `phase_asked` is what the worker is wanted to do, and its own beat tells the rest. `latency_ms` counts requests of the last minute by the
 *   milliseconds that they took at most (`{"25": 310, "50": 12}`), so that counts of several workers add up. Null is unknown, and not zero.
 * - `scaling` is the newest decision on the number of workers; `changed_at` is when it last said something else.
 */
export const fleets = `
alter table pool
  add column uid text,
  add column fence_transitions bigint,
  add column fence_generation bigint,
  add column closed_at timestamptz,
  add column deletion_policy text check (deletion_policy in ('Retain', 'Purge'));

alter table policy add column generation bigint;

alter table worker
  add column phase_asked text check (phase_asked in ('drain')),
  add column started_in_ms int,
  add column latency_ms jsonb,
  add column sessions int,
  add column troubles jsonb,
  add column applied_version bigint,
  drop constraint worker_state_check,
  add constraint worker_state_check check (state in ('serving', 'draining', 'drained', 'gone'));

create table scaling (
  pool_id int primary key references pool,
  decision jsonb not null,
  decided_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
`;
