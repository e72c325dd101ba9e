-- Jobs whose effects were committed to this database.
create table queue_inbox (
  consumer text not null,
  job_id text not null,
  handled_at timestamptz not null default now(),
  primary key (consumer, job_id)
);
--> statement-breakpoint
-- For removal by age.
create index queue_inbox_handled_at on queue_inbox (handled_at);
--> statement-breakpoint
insert into queue_migrations (version, name) values (2, 'inbox');
