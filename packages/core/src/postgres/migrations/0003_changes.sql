-- Tells listeners which row of which table changed. The trigger's arguments are the table's key columns.
create function queue_notify_change() returns trigger language plpgsql set search_path = '' as $$
declare
  old_row jsonb := to_jsonb(old);
  new_row jsonb := to_jsonb(new);
  old_key text[];
  new_key text[];
  name text;
  key jsonb;
  payload text;
begin
  -- Values as text: a number of JSON would lose the digits of a bigint on its way.
  foreach name in array tg_argv loop
    old_key := old_key || (old_row ->> name);
    new_key := new_key || (new_row ->> name);
  end loop;
  -- A row that takes another key goes from the old one.
  foreach key in array array[
    case when old_row is not null and old_key is distinct from new_key then jsonb_object(tg_argv, old_key) end,
    case when new_row is not null then jsonb_object(tg_argv, new_key) end
  ] loop
    continue when key is null;
    payload := jsonb_build_object('schema', tg_table_schema, 'table', tg_table_name, 'key', key);
    -- Postgres takes less than 8,000 bytes. Without a key, readers look for what changed.
    if octet_length(payload) > 7900 then
      payload := payload::jsonb - 'key';
    end if;
    perform pg_notify('queue_changes', payload);
  end loop;
  return null;
end
$$;
--> statement-breakpoint
-- For writers who don't know of updated_at: readers that were away look for what changed since.
create function queue_touch_row() returns trigger language plpgsql set search_path = '' as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end
$$;
--> statement-breakpoint
insert into queue_migrations (version, name) values (3, 'changes');
