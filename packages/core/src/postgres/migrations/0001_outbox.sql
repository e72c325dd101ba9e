-- The migrations that were applied to a schema. Each one records itself, however it is applied.
create table if not exists queue_migrations (
  version int primary key,
  name text not null,
  applied_at timestamptz not null default now()
);
--> statement-breakpoint
-- Jobs that were sent in a transaction and wait for a relay to move them to the engine.
create table queue_outbox (
  position bigint generated always as identity primary key,
  id text not null unique,
  -- The job as JSON.
  job text not null,
  -- The queue and the ordering key, separated by a line break; null without a key.
  ordering text,
  -- How often the engine refused the job.
  tries int not null default 0,
  -- When to try again after a refusal.
  try_at timestamptz not null default now(),
  -- Why the engine last refused the job.
  error text,
  -- The delay of a job counts from here, not from the start of the transaction.
  created_at timestamptz not null default clock_timestamp()
);
--> statement-breakpoint
create index queue_outbox_ordering on queue_outbox (ordering, position) where ordering is not null;
--> statement-breakpoint
create index queue_outbox_refused on queue_outbox (try_at) where tries > 0;
--> statement-breakpoint
-- The state of each relay. Losing it is harmless, so it is unlogged: writes don't wait for the disk.
create unlogged table queue_relay (
  id text primary key,
  -- Until then, the relay polls the outbox every few milliseconds.
  awake_until timestamptz not null,
  -- At least until then, the relay receives notifications.
  listening_until timestamptz not null
);
--> statement-breakpoint
-- Wakes the relays. Commits that notify wait for each other, including their disk writes, so notify only if needed: not
-- while a relay is awake, and not while none listens.
create function queue_notify_outbox() returns trigger language plpgsql set search_path from current as $$
begin
  if (
    select max(awake_until) < clock_timestamp() and max(listening_until) > clock_timestamp() from queue_relay
  ) then
    perform pg_notify('queue_outbox', tg_table_schema);
  end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger queue_notify_outbox after insert on queue_outbox
  for each statement execute function queue_notify_outbox();
--> statement-breakpoint
insert into queue_migrations (version, name) values (1, 'outbox');
