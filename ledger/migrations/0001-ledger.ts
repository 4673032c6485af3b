/**
 * The first schema of the ledger. Lock order everywhere: session, then attempt, then everything else; several rows of one table in order of id.
 *
 * - `session.ready` splits what waits for its time (`not_before`) from what may be claimed; only ready rows are in the claim index.
 * - `attempt.released_at` says that the attempt holds nothing any more. Indexes speak of it and not of `state`, so that the steps of an attempt's life
 *   (sending, cooling) touch no index: of its five writes only three do.
 * - `queue_depth` is a sum of deltas: transactions only append, so counting the queue neither scans it nor makes writers wait for each other. The
 *   dispatcher folds the deltas.
 * - `signal` tells the dispatcher what changed. It is written in the transaction of the change and deleted by the reader, so nothing is missed or
 *   seen before it is true; NOTIFY only wakes the reader.
 */
export const ledgerSchema = `
create table pool (
  id int generated always as identity primary key,
  ledger_id uuid not null default gen_random_uuid(),
  name text not null unique,
  created_at timestamptz not null default clock_timestamp()
);

create table policy (
  pool_id int not null references pool,
  version bigint generated always as identity,
  spec jsonb not null,
  written_at timestamptz not null default clock_timestamp(),
  primary key (pool_id, version)
);

create table subscription_claim (
  account_id text primary key,
  pool_id int not null references pool,
  subscription text not null
);

create table worker (
  id int generated always as identity primary key,
  pool_id int not null references pool,
  name text not null,
  state text not null check (state in ('serving', 'draining', 'gone')),
  started_at timestamptz not null default clock_timestamp(),
  beat_at timestamptz not null default clock_timestamp()
);
create index worker_serving on worker (pool_id) where state <> 'gone';

create table dispatcher (
  pool_id int primary key references pool,
  epoch bigint not null,
  worker_id int,
  backend_pid int,
  beat_at timestamptz not null default clock_timestamp(),
  decision_seq bigint not null default 0,
  view jsonb
);

create table session (
  id uuid primary key,
  pool_id int not null references pool,
  seq bigint generated always as identity,
  class text not null,
  direction text not null check (direction in ('Inbound', 'Outbound')),
  state text not null check (state in ('queued', 'open', 'ended')),
  ready boolean not null default true,
  score int not null default 0,
  project text,
  number text,
  name text,
  labels jsonb not null default '{}',
  context jsonb,
  idempotency_key text,
  request_hash bytea,
  not_before timestamptz,
  expires_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  ready_at timestamptz not null default clock_timestamp(),
  attempts int not null default 0,
  refusals int not null default 0,
  attempt_id uuid,
  outcome text,
  outcome_reason text,
  ended_at timestamptz,
  check ((state = 'ended') = (outcome is not null)),
  check ((state = 'open') = (attempt_id is not null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05);
create unique index session_idempotency on session (pool_id, idempotency_key) where idempotency_key is not null;
create index session_claim on session (pool_id, class, (coalesce(project, '')), score desc, seq) where state = 'queued' and ready;
create index session_not_before on session (pool_id, not_before) where state = 'queued' and not ready;
create index session_expires on session (pool_id, expires_at) where state = 'queued' and expires_at is not null;
create index session_listing on session (pool_id, class, state, seq);
create index session_ended on session (pool_id, ended_at) where state = 'ended';
create index session_number on session (pool_id, number) where state = 'queued' and number is not null;

create table queue_depth (
  pool_id int not null references pool,
  class text not null,
  delta bigint not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
create index queue_depth_pool on queue_depth (pool_id, class);

create table attempt (
  id uuid primary key,
  pool_id int not null references pool,
  session_id uuid,
  class text,
  direction text not null check (direction in ('Inbound', 'Outbound')),
  project text not null,
  subscription text not null,
  number text,
  state text not null check (state in ('pending', 'admitted', 'sending', 'bound', 'cooling', 'ended')),
  owner int,
  epoch bigint,
  seq bigint,
  policy_version bigint,
  ceiling int,
  in_use int,
  from_number_id text,
  created_at timestamptz not null default clock_timestamp(),
  admitted_at timestamptz,
  send_by timestamptz,
  sending_at timestamptz,
  ambiguous_at timestamptz,
  look_ups int not null default 0,
  bound_at timestamptz,
  bound_until timestamptz,
  last_seen_at timestamptz,
  call_id text,
  control_url text,
  refusal text,
  ended_at timestamptz,
  released_at timestamptz,
  outcome text,
  ended_reason text,
  cost_usd numeric,
  check ((state = 'ended') = (released_at is not null))
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.01);
create unique index attempt_call on attempt (pool_id, call_id) where call_id is not null;
create index attempt_open on attempt (pool_id, project) where released_at is null;
create unique index attempt_open_number on attempt (pool_id, number) where released_at is null and direction = 'Outbound' and number is not null;
create index attempt_open_caller on attempt (pool_id, number) where released_at is null and direction = 'Inbound' and number is not null;
create index attempt_number on attempt (pool_id, number, created_at) where number is not null;
create index attempt_session on attempt (session_id);
create index attempt_without_session on attempt (pool_id, released_at) where session_id is null;

create table signal (
  id bigint generated always as identity,
  pool_id int not null references pool,
  kind text not null,
  attempt_id uuid,
  data jsonb
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
create index signal_pool on signal (pool_id, id);

create table inbox (
  id bigint generated always as identity primary key,
  pool_id int not null references pool,
  project text not null,
  dedupe text not null,
  call_id text not null,
  kind text not null,
  event jsonb not null,
  received_at timestamptz not null default clock_timestamp(),
  processed_at timestamptz,
  unique (pool_id, dedupe)
);
create index inbox_unprocessed on inbox (pool_id, id) where processed_at is null;
create index inbox_processed on inbox (pool_id, processed_at) where processed_at is not null;

create table outbox (
  id bigint generated always as identity primary key,
  pool_id int not null references pool,
  session_id uuid not null unique,
  tries int not null default 0,
  next_at timestamptz not null default clock_timestamp(),
  delivered_at timestamptz,
  failed_at timestamptz,
  last_error text
);
create index outbox_due on outbox (pool_id, next_at) where delivered_at is null and failed_at is null;

create table overlay (
  pool_id int not null references pool,
  class text not null default '',
  kind text not null check (kind in ('hold')),
  until timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  primary key (pool_id, class, kind)
);

create table token (
  pool_id int not null references pool,
  hash bytea not null,
  class text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (pool_id, hash)
);

create table limiter (
  pool_id int not null references pool,
  name text not null,
  state jsonb not null,
  primary key (pool_id, name)
);

create table project_watch (
  pool_id int not null references pool,
  project text not null,
  org_id text,
  owner int,
  lease_until timestamptz,
  polled_until timestamptz,
  requests_minute bigint not null default 0,
  requests_used int not null default 0,
  primary key (pool_id, project)
) with (fillfactor = 50);

create function count_queued() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into queue_depth (pool_id, class, delta)
      select pool_id, class, count(*) from added where state = 'queued' group by 1, 2;
  elsif tg_op = 'DELETE' then
    insert into queue_depth (pool_id, class, delta)
      select pool_id, class, -count(*) from removed where state = 'queued' group by 1, 2;
  else
    insert into queue_depth (pool_id, class, delta)
      select pool_id, class, sum(n) from (
        select pool_id, class, 1 as n from added where state = 'queued'
        union all
        select pool_id, class, -1 as n from removed where state = 'queued') change
      group by 1, 2 having sum(n) <> 0;
  end if;
  return null;
end $$;
create trigger session_added after insert on session referencing new table as added for each statement execute function count_queued();
create trigger session_removed after delete on session referencing old table as removed for each statement execute function count_queued();
create trigger session_changed after update on session referencing new table as added old table as removed for each statement execute function count_queued();
`;
