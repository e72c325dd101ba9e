import { bigint, integer, pgSchema, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { ChangeFeed, type ChangeFeedOptions } from "../../src/postgres/changes/change-feed.ts";
import type { ReadRow } from "../../src/postgres/changes/change-reader.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { cleanups, type TestDatabase, type TestDriver } from "./support.ts";

const columns = () => ({
  guildId: text("guild_id").notNull(),
  position: bigint("position", { mode: "bigint" }).notNull(),
  count: integer("count").notNull().default(0),
  updatedAt: timestamp("updated_at", { withTimezone: true }).notNull().defaultNow(),
});

export const scans = pgTable("scans", columns(), (table) => [
  primaryKey({ columns: [table.guildId, table.position] }),
]);

export const appScans = pgSchema("app").table("scans", columns(), (table) => [
  primaryKey({ columns: [table.guildId, table.position] }),
]);

export const createScans = `
  create table scans (
    guild_id text not null,
    position bigint not null,
    count int not null default 0,
    updated_at timestamptz not null default now(),
    primary key (guild_id, position)
  )`;

/** A database with the table and its triggers. */
export async function openWithScans(open: TestDriver["open"]): Promise<TestDatabase> {
  const database = await open();
  await database.raw(createScans);
  await migrate(database.db, { statusTables: [scans] });
  return database;
}

type ScanChange = ReadRow<typeof scans>;

/** The changes that a subscriber received, and a way to wait for more. */
export interface Told {
  readonly changes: readonly ScanChange[];
  /** The first change, past or future, that satisfies the condition. */
  first(isIt: (change: ScanChange) => boolean): Promise<ScanChange>;
  stop(): Promise<void>;
}

export async function follow(
  options: Pick<ChangeFeedOptions<typeof scans>, "db" | "listener" | "pollInterval" | "overlap" | "onError">,
): Promise<Told> {
  const feed = new ChangeFeed({ ...options, table: scans, keyColumns: [scans.guildId, scans.position] });
  const changes: ScanChange[] = [];
  const waiting = new Set<() => void>();
  const stop = await feed.subscribe((change) => {
    changes.push(change);
    for (const look of waiting) look();
  });
  cleanups.push(stop);
  const first = (isIt: (change: ScanChange) => boolean) =>
    new Promise<ScanChange>((resolve) => {
      const look = () => {
        const found = changes.find(isIt);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { changes, first, stop };
}

/** No poll happens during a test. */
export const NEVER = 3_600_000;
