-- Which of these files a schema has: each writes itself down, however it is applied.
create table if not exists queue_migrations (
  version int primary key,
  name text not null,
  applied_at timestamptz not null default now()
);
--> statement-breakpoint
-- Jobs that were sent in a transaction, until a relay has moved them to the engine.
create table queue_outbox (
  position bigint generated always as identity primary key,
  id text not null unique,
  -- The job as JSON.
  job text not null,
  -- The queue and the ordering key, with a line break between them; null without a key.
  ordering text,
  -- How often the engine has refused it.
  tries int not null default 0,
  -- After a refusal: not to be tried before this.
  try_at timestamptz not null default now(),
  -- Why the engine refused it the last time.
  error text,
  -- A job's delay counts from here, not from the start of the transaction.
  created_at timestamptz not null default clock_timestamp()
);
--> statement-breakpoint
create index queue_outbox_ordering on queue_outbox (ordering, position) where ordering is not null;
--> statement-breakpoint
create index queue_outbox_refused on queue_outbox (try_at) where tries > 0;
--> statement-breakpoint
-- What relays say of themselves, a row each. Nothing is lost with it: unlogged, its writes wait for no disk.
create unlogged table queue_relay (
  id text primary key,
  -- It looks into the outbox every few milliseconds, until then.
  awake_until timestamptz not null,
  -- It hears notifications, until then at least.
  listening_until timestamptz not null
);
--> statement-breakpoint
-- Wakes the relays. Commits that notify wait for each other, disk writes included, so only those do that have to:
-- while some relay is awake, or none listens, none does.
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
