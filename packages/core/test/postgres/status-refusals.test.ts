import type { PGlite } from "@electric-sql/pglite";
import { integer, jsonb, text, varchar } from "drizzle-orm/pg-core";
import { drizzle } from "drizzle-orm/pglite";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { createQueue, createRegistry, createWorker, defineMessage, memoryEngine } from "../../src/index.ts";
import type { Database } from "../../src/postgres/database.ts";
import { createStatusStore } from "../../src/postgres/status/store.ts";
import { statusTable } from "../../src/postgres/status/table.ts";
import { trackStatus } from "../../src/postgres/status/track.ts";
import { newPglite } from "./new-pglite.ts";
import { createTable } from "./status-support.ts";
import { cleanups } from "./support.ts";

const table = statusTable("limited", {
  key: { id: text("id").notNull() },
  fields: {
    code: varchar("code", { length: 5 }),
    count: integer("count"),
    note: text("note"),
    detail: jsonb("detail").$type<unknown>(),
  },
});

const fields = z.object({ code: z.string(), count: z.number(), note: z.string(), detail: z.any() }).partial();
const report = defineMessage("REPORT", {
  data: z.object({ id: z.string(), fields: fields.optional() }),
  result: fields,
  progress: fields,
  retry: { attempts: 1 },
});

let client: PGlite;
let db: Database;

beforeAll(async () => {
  client = await newPglite();
  db = drizzle(client);
  await createTable(db, table);
  await client.exec("create role app; grant all on limited to app");
}, 60_000);

afterAll(() => client.close());

afterEach(async () => {
  await client.exec("reset role; delete from limited; alter table limited disable row level security");
});

/** A process that sends and runs reports. Each one ends with the fields in its data. */
interface Reporting {
  readonly progress?: boolean;
  /** What `onError` returns. */
  readonly onError?: () => unknown;
}

async function startReporting({ progress = false, onError }: Reporting = {}) {
  const errors: Error[] = [];
  const store = createStatusStore({
    db,
    table,
    onError: (error) => {
      errors.push(error as Error);
      return onError?.();
    },
  });
  cleanups.push(() => store.close());
  const tracking = trackStatus(report, {
    store,
    key: ({ id }) => ({ id }),
    fields: { result: (result) => result, progress: (value) => value },
    reconcileInterval: "100ms",
  });
  const engine = memoryEngine();
  const queue = createQueue({ registry: createRegistry([report]), engine, middleware: [tracking] });
  cleanups.push(() => queue.close());
  const worker = createWorker(queue, { logger: { warn: () => {}, error: () => {} } });
  worker.handle(report, async (context) => {
    const { fields = {} } = context.data;
    if (progress) context.progress(fields);
    return fields;
  });
  await worker.start();
  cleanups.push(() => worker.stop({ timeout: 0 }));
  const ended = (id: string) =>
    expect.poll(async () => (await store.get({ id }))?.status, { timeout: 8_000, interval: 10 });
  return { queue, store, errors, engine, ended };
}

describe("a field that Postgres rejects", () => {
  const refused = [
    { name: "text that is too long", fields: { code: "longer than five" }, says: "too long" },
    { name: "a number out of range", fields: { count: 3_000_000_000 }, says: "out of range" },
    { name: "a fraction in an integer", fields: { count: 1.5 }, says: "invalid input syntax" },
    { name: "NUL in text", fields: { note: "no\0text" }, says: "0x00" },
    { name: "NUL in jsonb", fields: { detail: { text: "no\0text" } }, says: "Unicode escape" },
    {
      name: "half a surrogate pair in jsonb",
      fields: { detail: { text: "\ud83d" } },
      says: "invalid input syntax",
    },
  ];

  it.each(refused)(
    "is left out of the row, but the job's end is written: $name",
    async ({ fields, says }) => {
      const { queue, store, errors, ended } = await startReporting();
      const other = "note" in fields ? { code: "kept" } : { note: "kept" };
      const job = await queue.send(report, { id: "a", fields: { ...fields, ...other } });
      await queue.wait(job);
      await ended("a").toBe("SUCCEEDED");
      const [name] = Object.keys(fields) as [keyof typeof fields];
      expect(await store.get({ id: "a" })).toMatchObject({ jobId: job.id, [name]: null, ...other });
      expect(errors).toMatchObject([{ code: "INVALID_OPTIONS" }]);
      expect(errors[0]!.message).toContain(`rejects the field ${name} of job ${job.id}: `);
      expect(errors[0]!.message).toContain(says);
    },
  );

  it("is reported once per job, however often it comes as progress", async () => {
    const { queue, store, errors, ended } = await startReporting({ progress: true });
    await queue.send(report, {
      id: "a",
      fields: { code: "longer than five", count: 3_000_000_000, note: "n" },
    });
    await ended("a").toBe("SUCCEEDED");
    expect(await store.get({ id: "a" })).toMatchObject({ code: null, count: null, note: "n" });
    expect(errors.map(({ message }) => /the field (\w+)/.exec(message)?.[1]).sort()).toEqual([
      "code",
      "count",
    ]);
  });

  it("has no other effect if `onError` or a subscriber rejects", async () => {
    const lines: string[] = [];
    vi.spyOn(console, "error").mockImplementation((line) => void lines.push(line));
    const rejects = () => Promise.reject(new Error("down"));
    const { queue, store, errors, ended } = await startReporting({ onError: rejects });
    let told = 0;
    await store.subscribe(() => {
      told++;
      return rejects();
    });
    for (const id of ["a", "b"]) {
      await queue.send(report, { id, fields: { code: "longer than five" } });
      await ended(id).toBe("SUCCEEDED");
    }
    await expect.poll(() => told, { timeout: 8_000 }).toBeGreaterThan(1);
    // The two refusals, and one error of a subscriber.
    await expect.poll(() => errors.length).toBe(3);
    expect(lines).toEqual([
      "@org/queue: onError of the status table limited threw or rejected. This is logged once, and the function is still called.",
    ]);
    vi.restoreAllMocks();
  });

  it("doesn't affect the other rows of its statement", async () => {
    const { queue, store, errors, ended } = await startReporting();
    await queue.sendMany(
      Array.from({ length: 40 }, (_, index) => ({
        message: report,
        data: { id: `r${index}`, fields: index % 13 === 5 ? { code: "too long" } : { code: "short" } },
      })),
    );
    for (let index = 0; index < 40; index++) await ended(`r${index}`).toBe("SUCCEEDED");
    const { rows } = await store.list({ where: { code: null }, limit: 100 });
    expect(rows.map(({ id }) => id).sort()).toEqual(["r18", "r31", "r5"]);
    expect(errors).toHaveLength(3);
  });
});

describe("a row that Postgres rejects", () => {
  it("doesn't affect other rows if a policy rejects it, and the error names the table", async () => {
    await client.exec(`
      alter table limited enable row level security;
      drop policy if exists not_hidden on limited;
      create policy not_hidden on limited to app using (true) with check (id <> 'hidden');
      set role app`);
    const { queue, store, errors, ended } = await startReporting();
    await queue.send(report, { id: "hidden" });
    await queue.send(report, { id: "a", fields: { note: "seen" } });
    await ended("a").toBe("SUCCEEDED");
    await queue.sendMany(["b", "hidden", "c"].map((id) => ({ message: report, data: { id } })));
    await ended("b").toBe("SUCCEEDED");
    await ended("c").toBe("SUCCEEDED");
    expect(await store.get({ id: "hidden" })).toBeNull();
    // One per rejected job, and none for its later steps.
    expect(errors.map((error) => (error as { code?: string }).code)).toEqual(
      Array(2).fill("DATABASE_MISCONFIGURED"),
    );
    expect(errors[0]!.message).toContain("row-level security policy");
    await expect(store.upsert({ id: "hidden" }, { note: "n" })).rejects.toMatchObject({
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringContaining("Add a policy that allows the row"),
    });
  });

  it("doesn't stop the reconciler from failing lost rows", async () => {
    const { ended, errors } = await startReporting();
    await client.exec(`
      create function keep() returns trigger language plpgsql as $$ begin
        if new.status = 'FAILED' then raise exception 'kept by the app'; end if;
        return new;
      end $$;
      create trigger keep before update on limited for each row when (old.id = 'kept') execute function keep();
      insert into limited (id, status, job_id, updated_at)
      select unnest(array['a', 'kept', 'b']), 'RUNNING', gen_random_uuid(), now() - interval '1 minute'`);
    const store = createStatusStore({ db, table, onError: () => {} });
    const impatient = trackStatus(report, {
      store,
      key: ({ id }) => ({ id }),
      reconcileInterval: "100ms",
      goneAfter: "200ms",
      onError: (error) => errors.push(error as Error),
    });
    const service = await impatient.start!({ engine: memoryEngine() } as never);
    cleanups.push(() => service.stop());
    cleanups.push(() => client.exec("drop function keep cascade"));
    await ended("a").toBe("FAILED");
    await ended("b").toBe("FAILED");
    expect((await store.get({ id: "kept" }))?.status).toBe("RUNNING");
    expect(errors.map(String).join()).toContain("kept by the app");
  });
});
