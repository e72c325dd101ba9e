import { sql } from "drizzle-orm";
import { boolean, char, numeric, pgSchema, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { createQueue, createRegistry, defineMessage, memoryEngine } from "../../src/index.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { postgresOutbox } from "../../src/postgres/outbox/postgres-outbox.ts";
import { createStatusStore, type StatusChange } from "../../src/postgres/status/store.ts";
import { statusTable } from "../../src/postgres/status/table.ts";
import { trackStatus } from "../../src/postgres/status/track.ts";
import { createTableSql } from "./status-support.ts";
import { cleanups, drivers, type TestDatabase } from "./support.ts";

const mood = pgSchema("App").enum("Mood", ["Calm", "Wild"]);

const table = statusTable("Readings", {
  key: {
    at: timestamp("at", { withTimezone: true }).notNull(),
    device: uuid("device").notNull(),
    amount: numeric("amount").notNull(),
    code: char("code", { length: 6 }).notNull(),
    mood: mood("mood").notNull(),
    isFirst: boolean("is_first").notNull(),
  },
  fields: { note: text("note"), nextMood: mood("next_mood") },
});

const DEVICE = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
const key = {
  at: new Date("2026-03-29T01:30:00.000Z"),
  device: DEVICE,
  amount: "1.50",
  code: "ab",
  mood: "Calm",
  isFirst: true,
} as const;

describe.each(drivers)("keys that Postgres normalizes, on $name", ({ open }) => {
  async function openStore(options: { readonly polls?: boolean } = {}) {
    const database = await open();
    const { db, raw } = database;
    await raw(`create schema "App"; create type "App"."Mood" as enum ('Calm', 'Wild')`);
    for (const statement of createTableSql(table)) {
      await raw(statement.replace(/("(?:next_)?mood") Mood/g, '$1 "App"."Mood"'));
    }
    await migrate(db, { statusTables: [table] });
    const listener = options.polls ? undefined : database.listener;
    const errors: unknown[] = [];
    const store = createStatusStore({
      db,
      table,
      listener,
      pollInterval: options.polls ? 20 : "1h",
      onError: (error) => errors.push(error),
    });
    cleanups.push(() => store.close());
    return { db, raw, store, errors };
  }

  /** Writes like a session in another time zone. */
  const inKathmandu = (raw: TestDatabase["raw"], statement: string) =>
    raw(`set timezone = 'Asia/Kathmandu'; ${statement}; reset timezone`);

  const insert = (amount = "1.50") => `
    insert into "Readings" (at, device, amount, code, mood, is_first, note)
    values ('2026-03-29 03:30+02', '${DEVICE}', ${amount}, 'ab', 'Calm', true, 'new')`;

  it("subscribers of a row receive its changes, however they write its key", async () => {
    const { raw, store, errors } = await openStore();
    const writings = [
      key,
      { ...key, device: DEVICE.toUpperCase() },
      { ...key, amount: "1.5" },
      { ...key, amount: "01.500" },
      { ...key, code: "ab    " },
    ];
    const heard = writings.map((): StatusChange<typeof table>[] => []);
    const others: StatusChange<typeof table>[] = [];
    for (const [at, written] of writings.entries()) {
      await store.subscribe((change) => heard[at]!.push(change), { key: written });
    }
    await store.subscribe((change) => others.push(change), { key: { ...key, amount: "1.51" } });
    await inKathmandu(raw, insert());
    for (const changes of heard) await expect.poll(() => changes.at(-1)?.row?.note).toBe("new");
    await inKathmandu(raw, `update "Readings" set note = 'changed'`);
    for (const changes of heard) await expect.poll(() => changes.at(-1)?.row?.note).toBe("changed");
    await inKathmandu(raw, `delete from "Readings"`);
    for (const changes of heard) await expect.poll(() => changes.at(-1)?.row).toBeNull();
    // No row was reported as deleted before it was.
    expect(heard.map((changes) => changes.length)).toEqual(writings.map(() => 3));
    expect(heard[0]!.at(-1)!.key).toEqual({ ...key, code: "ab    " });
    expect(others).toEqual([]);
    expect(errors).toEqual([]);
  });

  it("polling finds each change once", async () => {
    const { raw, store } = await openStore({ polls: true });
    const heard: (string | null | undefined)[] = [];
    await store.subscribe(({ row }) => heard.push(row?.note), { key: { ...key, amount: "1.500" } });
    await inKathmandu(raw, insert("1.5"));
    await expect.poll(() => heard).toEqual(["new"]);
    await raw(`update "Readings" set note = 'changed'`);
    await expect.poll(() => heard).toEqual(["new", "changed"]);
  });

  it("lists continue after the first page by any column", async () => {
    const { store, db } = await openStore();
    for (const [index, device] of [
      DEVICE,
      DEVICE.replace("a0", "b0"),
      DEVICE.replace("a0", "c0"),
    ].entries()) {
      await store.upsert({ ...key, device }, { note: `${index}`, nextMood: index === 1 ? null : "Wild" });
      await store.upsert({ ...key, device, mood: "Wild" }, { note: `${index}w`, nextMood: "Calm" });
    }
    await db.execute(sql`update "Readings" set amount = 1.5 where note = '1'`);
    for (const column of [
      "mood",
      "nextMood",
      "at",
      "amount",
      "code",
      "isFirst",
      "device",
      "updatedAt",
    ] as const) {
      const orderBy = { column, direction: "desc" } as const;
      const whole = (await store.list({ orderBy })).rows.map(({ note }) => note);
      const paged: unknown[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.list({ orderBy, limit: 2, cursor });
        paged.push(...page.rows.map(({ note }) => note));
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(paged).toEqual(whole);
      expect(paged).toHaveLength(6);
    }
  });

  it("a send with tx may write one key in two ways", async () => {
    const { store, db } = await openStore();
    const outbox = postgresOutbox({ db });
    const reading = defineMessage("READING", { data: z.object({ device: z.string(), amount: z.string() }) });
    const tracking = trackStatus(reading, { store, key: (data) => ({ ...key, ...data }) });
    const registry = createRegistry([reading]);
    const queue = createQueue({ registry, engine: memoryEngine(), outbox, middleware: [tracking] });
    cleanups.push(() => queue.close());
    const handles = await db.transaction((tx) =>
      queue.sendMany(
        [
          { message: reading, data: { device: DEVICE, amount: "1.5" } },
          { message: reading, data: { device: DEVICE.toUpperCase(), amount: "1.50" } },
        ],
        { tx },
      ),
    );
    expect(await store.get(key)).toMatchObject({ status: "PENDING", jobId: handles[1]!.id });
  });

  it("rejects invalid keys, columns and values with a code", async () => {
    const { store } = await openStore();
    const filter = (text: string) => ({ where: JSON.parse(text) });
    const wrong: (() => Promise<unknown>)[] = [
      () => store.get({ ...key, device: "no uuid" }),
      () => store.upsert({ ...key, amount: "much" }, {}),
      () => store.upsert(key, { note: "no\0text" }),
      () => store.subscribe(() => {}, { key: { ...key, device: "no uuid" } }),
      () => store.list(filter('{ "__proto__": ["PENDING"] }')),
      () => store.list(filter('{ "constructor": "PENDING" }')),
      () => store.list(filter('{ "at": "yesterday" }')),
      () => store.list({ orderBy: { column: "__proto__" as never } }),
      () => store.list({ orderBy: { column: "toString" as never } }),
    ];
    for (const each of wrong) await expect(each()).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
  });
});
