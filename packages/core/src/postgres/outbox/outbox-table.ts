import { type SQL, sql } from "drizzle-orm";
import type { NewJob } from "../../engine/job.ts";
import type { OutboxBacklog } from "../../queue/send/outbox.ts";
import { quoteName } from "../column-names.ts";
import { type Database, queryRows } from "../database.ts";

/** A row that is locked by this relay's transaction. */
export interface ClaimedRow {
  readonly position: string;
  readonly id: string;
  /** JSON of a `NewJob`. Null if the rows before it fill the turn. */
  readonly job: string | null;
  readonly ordering: string | null;
  readonly tries: number;
  /** Milliseconds since the row was stored. */
  readonly age: number;
  /** The previous row with the same ordering key, even if another relay has locked it. */
  readonly previous: string | null;
}

export interface RefusedRow {
  readonly position: string;
  readonly error: string;
  /** Milliseconds until the next try. */
  readonly pause: number;
}

/** A statement takes at most 65,534 parameters. */
const MAX_ROWS_PER_INSERT = 1_000;
const COMMA = sql`, `;

/** Rows that are counted: counting many would take the server long. */
const MAX_COUNTED = 10_000;

/** Bytes of JSON that one turn loads into memory, unless its first row alone is longer. */
const MAX_JSON_BYTES = 8_000_000;

/**
 * The server closes a relay's connection that is idle in a transaction for this long: the relay froze or lost its
 * network, and others need the rows. Longer than `ENGINE_TIMEOUT` of the relay.
 */
const IDLE_TRANSACTION_TIMEOUT = "15s";

/**
 * The statements on `queue_outbox` and `queue_relay`. Arrays are passed as text, because drivers serialize them
 * differently.
 */
export class OutboxTable {
  readonly #outbox: SQL;
  readonly #relay: SQL;
  readonly #schema: string;

  constructor(schema: string) {
    this.#schema = schema;
    this.#outbox = sql`${sql.identifier(schema)}.queue_outbox`;
    this.#relay = sql`${sql.identifier(schema)}.queue_relay`;
  }

  /** Positions follow the order of the jobs. */
  async insert(tx: Database, jobs: readonly NewJob[]): Promise<void> {
    for (let start = 0; start < jobs.length; start += MAX_ROWS_PER_INSERT) {
      const rows = jobs
        .slice(start, start + MAX_ROWS_PER_INSERT)
        .map((job) => sql`(${job.envelope.id}, ${JSON.stringify(job)}, ${orderingOf(job)})`);
      await tx.execute(
        sql`insert into ${this.#outbox} (id, job, ordering) values ${sql.join(rows, COMMA)} on conflict (id) do nothing`,
      );
    }
  }

  /**
   * Locks the next rows in the order they were stored. Skips rows that others have locked, ordering keys in `busy`, and
   * keys whose first row waits for its next try.
   *
   * It may lock rows of a key while another relay still holds earlier ones, or has moved or refused them since this
   * statement's snapshot. `previous` comes from that snapshot, so move a row only if its `previous` is among the rows
   * returned.
   */
  claim(tx: Database, limit: number, busy: Iterable<string>): Promise<ClaimedRow[]> {
    return queryRows<ClaimedRow>(
      tx,
      sql`
      with waiting as materialized (
        select ordering from ${this.#outbox} where tries > 0 and try_at > now() and ordering is not null
      ), claimed as materialized (
        select position, id, job, ordering, tries, created_at from ${this.#outbox}
        where (tries = 0 or try_at <= now())
          and (
            ordering is null
            or ordering not in (select ordering from waiting) and ordering <> all (${textArray([...busy])}::text::text[])
          )
        order by position
        limit ${limit}::int
        for update skip locked
      )
      select
        claimed.position::text as position,
        id,
        ordering,
        tries,
        (extract(epoch from clock_timestamp() - created_at) * 1000)::float8 as age,
        (
          select max(earlier.position)::text from ${this.#outbox} earlier
          where earlier.ordering = claimed.ordering and earlier.position < claimed.position
        ) as previous,
        case
          when sum(octet_length(job)) over so_far <= ${MAX_JSON_BYTES}::int or row_number() over so_far = 1 then job
        end as job
      from claimed,
        (select set_config('idle_in_transaction_session_timeout', ${IDLE_TRANSACTION_TIMEOUT}::text, true)) as guard
      window so_far as (order by claimed.position)
      order by claimed.position`,
    );
  }

  async remove(tx: Database, positions: readonly string[]): Promise<void> {
    await tx.execute(
      sql`delete from ${this.#outbox} where position = any (${textArray(positions)}::text::bigint[])`,
    );
  }

  async refuse(tx: Database, rows: readonly RefusedRow[]): Promise<void> {
    const positions = textArray(rows.map(({ position }) => position));
    const errors = textArray(rows.map(({ error }) => error));
    const pauses = textArray(rows.map(({ pause }) => `${pause}`));
    await tx.execute(sql`
      update ${this.#outbox} as row
      set tries = tries + 1,
        error = refused.error,
        try_at = clock_timestamp() + refused.pause * interval '1 millisecond'
      from unnest(${positions}::text::bigint[], ${errors}::text::text[], ${pauses}::text::float8[])
        as refused (position, error, pause)
      where row.position = refused.position`);
  }

  async backlog(db: Database): Promise<OutboxBacklog> {
    const [row] = await queryRows<{ jobs: number; oldest: number | null }>(
      db,
      sql`
      select
        (select count(*)::int from (select from ${this.#outbox} limit ${MAX_COUNTED}::int) as counted) as jobs,
        (
          select (extract(epoch from clock_timestamp() - created_at) * 1000)::float8 from ${this.#outbox}
          order by position limit 1
        ) as oldest`,
    );
    const { jobs, oldest } = row!;
    return { jobs, ...(oldest !== null && { oldest: Math.max(0, oldest) }) };
  }

  /**
   * Records for how many milliseconds from now a relay is awake, and for how many it listens. Senders skip
   * notifications accordingly. Also removes relays that died a while ago.
   */
  async announceRelay(db: Database, relay: string, awakeFor: number, listeningFor: number): Promise<void> {
    await db.execute(sql`
      with dead as (
        delete from ${this.#relay} where id <> ${relay} and listening_until < clock_timestamp() - interval '1 minute'
      )
      insert into ${this.#relay} as relay (id, awake_until, listening_until)
      values (
        ${relay},
        clock_timestamp() + ${awakeFor}::float8 * interval '1 millisecond',
        clock_timestamp() + ${listeningFor}::float8 * interval '1 millisecond'
      )
      on conflict (id) do update
      set awake_until = excluded.awake_until, listening_until = excluded.listening_until`);
  }

  /**
   * The connection's role if row-level security may hide rows from it, `undefined` if it sees all rows. A policy that
   * hides nothing is one for all commands with `using (true)`.
   */
  async roleBehindPolicies(db: Database): Promise<string | undefined> {
    const policies = sql`
      select from pg_policies
      where schemaname = ${this.#schema} and tablename = 'queue_outbox' and exists (
        select from unnest(roles) as member (name)
        where case when member.name = 'public' then true else pg_has_role(member.name, 'usage') end
      )`;
    const [row] = await queryRows<{ role: string; isLimited: boolean }>(
      db,
      sql`
      select current_user::text as role, row_security_active(${`${quoteName(this.#schema)}.queue_outbox`}) and (
        exists (${policies} and permissive = 'RESTRICTIVE')
        or not exists (${policies} and permissive = 'PERMISSIVE' and cmd = 'ALL' and qual = 'true')
      ) as "isLimited"`,
    );
    return row!.isLimited ? row!.role : undefined;
  }

  /** Removes a relay that has stopped, so that senders don't count on it. */
  async removeRelay(db: Database, relay: string): Promise<void> {
    await db.execute(sql`delete from ${this.#relay} where id = ${relay}`);
  }
}

/** As JSON, because a key may contain characters that Postgres rejects in text. */
function orderingOf({ queue, ordering }: NewJob): string | null {
  return ordering === undefined ? null : `${queue}\n${JSON.stringify(ordering.key)}`;
}

/** An array literal of Postgres. NUL, which it rejects in text, becomes a space. */
function textArray(values: readonly (string | null)[]): string {
  const items = values.map((value) =>
    value === null ? "null" : `"${value.replaceAll("\0", " ").replaceAll(/["\\]/g, "\\$&")}"`,
  );
  return `{${items.join(",")}}`;
}
