// Generated from packages/core/src/postgres/migrations by `npm run generate`. Edit the source instead.

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: "outbox",
    statements: [
      "create table if not exists queue_migrations (\n  version int primary key,\n  name text not null,\n  applied_at timestamptz not null default now()\n);",
      "create table queue_outbox (\n  position bigint generated always as identity primary key,\n  id text not null unique,\n  job text not null,\n  ordering text,\n  tries int not null default 0,\n  try_at timestamptz not null default now(),\n  error text,\n  created_at timestamptz not null default clock_timestamp()\n);",
      "create index queue_outbox_ordering on queue_outbox (ordering, position) where ordering is not null;",
      "create index queue_outbox_refused on queue_outbox (try_at) where tries > 0;",
      "create unlogged table queue_relay (\n  id text primary key,\n  awake_until timestamptz not null,\n  listening_until timestamptz not null\n);",
      "create function queue_notify_outbox() returns trigger language plpgsql set search_path from current as $$\nbegin\n  if (\n    select max(awake_until) < clock_timestamp() and max(listening_until) > clock_timestamp() from queue_relay\n  ) then\n    perform pg_notify('queue_outbox', tg_table_schema);\n  end if;\n  return null;\nend\n$$;",
      "create trigger queue_notify_outbox after insert on queue_outbox\n  for each statement execute function queue_notify_outbox();",
      "insert into queue_migrations (version, name) values (1, 'outbox');",
    ],
  },
  {
    version: 2,
    name: "inbox",
    statements: [
      "create table queue_inbox (\n  consumer text not null,\n  job_id text not null,\n  handled_at timestamptz not null default now(),\n  primary key (consumer, job_id)\n);",
      "create index queue_inbox_handled_at on queue_inbox (handled_at);",
      "insert into queue_migrations (version, name) values (2, 'inbox');",
    ],
  },
  {
    version: 3,
    name: "changes",
    statements: [
      "create function queue_notify_change() returns trigger language plpgsql set search_path = '' as $$\ndeclare\n  old_row jsonb := to_jsonb(old);\n  new_row jsonb := to_jsonb(new);\n  old_key text[];\n  new_key text[];\n  name text;\n  key jsonb;\n  payload text;\nbegin\n  foreach name in array tg_argv loop\n    old_key := old_key || (old_row ->> name);\n    new_key := new_key || (new_row ->> name);\n  end loop;\n  foreach key in array array[\n    case when old_row is not null and old_key is distinct from new_key then jsonb_object(tg_argv, old_key) end,\n    case when new_row is not null then jsonb_object(tg_argv, new_key) end\n  ] loop\n    continue when key is null;\n    payload := jsonb_build_object('schema', tg_table_schema, 'table', tg_table_name, 'key', key);\n    if octet_length(payload) > 7900 then\n      payload := payload::jsonb - 'key';\n    end if;\n    perform pg_notify('queue_changes', payload);\n  end loop;\n  return null;\nend\n$$;",
      "create function queue_touch_row() returns trigger language plpgsql set search_path = '' as $$\nbegin\n  new.updated_at := clock_timestamp();\n  return new;\nend\n$$;",
      "insert into queue_migrations (version, name) values (3, 'changes');",
    ],
  },
];
