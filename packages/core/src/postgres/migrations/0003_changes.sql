-- Notifies listeners which row of which table changed. The trigger's arguments are the table's key columns.
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
  -- Values are text, because a JSON number would lose digits of a bigint.
  foreach name in array tg_argv loop
    old_key := old_key || (old_row ->> name);
    new_key := new_key || (new_row ->> name);
  end loop;
  -- A row whose key changes is reported under both keys.
  foreach key in array array[
    case when old_row is not null and old_key is distinct from new_key then jsonb_object(tg_argv, old_key) end,
    case when new_row is not null then jsonb_object(tg_argv, new_key) end
  ] loop
    continue when key is null;
    payload := jsonb_build_object('schema', tg_table_schema, 'table', tg_table_name, 'key', key);
    -- A payload is limited to 8,000 bytes. Without a key, readers search for what changed.
    if octet_length(payload) > 7900 then
      payload := payload::jsonb - 'key';
    end if;
    perform pg_notify('queue_changes', payload);
  end loop;
  return null;
end
$$;
--> statement-breakpoint
-- Sets updated_at for writers that don't, because readers that were away search by it.
create function queue_touch_row() returns trigger language plpgsql set search_path = '' as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end
$$;
--> statement-breakpoint
insert into queue_migrations (version, name) values (3, 'changes');
