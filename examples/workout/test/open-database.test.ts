import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { startPostgres } from "@org/test-servers";
import { drizzle } from "drizzle-orm/pglite";
import { migrate } from "drizzle-orm/pglite/migrator";
import { expect, test } from "vitest";
import { migrationsFolder } from "../src/db/migrations.ts";
import { describeDatabase, openDatabase } from "../src/db/open.ts";
import { clients, phases, workoutPlans } from "../src/db/schema.ts";
import { SetupError } from "../src/setup-error.ts";

const ada = { id: "ada", name: "Ada", email: "ada@client.example" };

test("PGlite with a directory keeps its rows", async () => {
  const directory = await mkdtemp(join(tmpdir(), "workout-db-"));
  const dataDir = join(directory, "deeper", "still");
  try {
    const first = await openDatabase({ url: undefined, dataDir });
    await first.db.insert(clients).values(ada);
    await first.close();
    const second = await openDatabase({ url: undefined, dataDir });
    expect(await second.db.select().from(clients)).toMatchObject([ada]);
    await second.close();
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("rows with UUIDs as ids are kept, and other ids are accepted", async () => {
  const directory = await mkdtemp(join(tmpdir(), "workout-db-"));
  const dataDir = join(directory, "data");
  const planId = "0d5f6a52-8a0c-4a44-9d7e-1c1f6f7a9b01";
  const phaseId = "0d5f6a52-8a0c-4a44-9d7e-1c1f6f7a9b02";
  try {
    const client = await PGlite.create(dataDir);
    const old = { migrationsFolder: await migrationsUpTo(1, join(directory, "migrations")) };
    await migrate(drizzle(client), old);
    await client.exec(`
      insert into clients (id, name, email) values ('ada', 'Ada', 'ada@client.example');
      insert into workout_plans (id, client_id, trainer_id, name, changed_at)
        values ('${planId}', 'ada', 'trainer-1', 'Strength', now());
      insert into phases (id, plan_id, position, name, start_week, weeks, changed_at)
        values ('${phaseId}', '${planId}', 0, 'Base', 1, 4, now());
    `);
    await client.close();

    const { db, close } = await openDatabase({ url: undefined, dataDir });
    const [phase] = await db.select().from(phases);
    expect(phase).toMatchObject({ id: phaseId, planId });
    await db.insert(phases).values({ ...phase!, id: "phase-2" });
    await expect(db.insert(phases).values({ ...phase!, id: "phase-3", planId: "plan-9" })).rejects.toThrow();
    await db.delete(workoutPlans);
    expect(await db.$count(phases)).toBe(0);
    await close();
  } finally {
    await rm(directory, { recursive: true });
  }
});

/** A copy of the migrations, up to the given one. */
async function migrationsUpTo(last: number, folder: string): Promise<string> {
  await cp(migrationsFolder, folder, { recursive: true });
  const file = join(folder, "meta", "_journal.json");
  const journal = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, last + 1) }));
  return folder;
}

test("several processes may open a new PostgreSQL at once", async () => {
  const server = await startPostgres();
  try {
    const opened = await Promise.all(Array.from({ length: 4 }, () => openDatabase({ url: server.url })));
    await opened[0]!.db.insert(clients).values(ada);
    expect(await opened[3]!.db.$count(clients)).toBe(1);
    await Promise.all(opened.map(({ close }) => close()));
  } finally {
    await server.stop();
  }
});

test.each([
  [
    "postgres://nobody:secret@127.0.0.1:1/none",
    /^DATABASE_URL: the database at 127\.0\.0\.1:1\/none .*REFUSED/,
  ],
  ["postgres://nobody:secret@localhost:1/none", /^DATABASE_URL: the database at localhost:1\/none .*REFUSED/],
  ["postgres://nobody:secret@:::/none", /^DATABASE_URL: the database at the address in DATABASE_URL can't/],
])("a database that can't be opened is named without the password: %s", async (url, told) => {
  const failure = await openDatabase({ url }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(SetupError);
  expect(failure).toMatchObject({ message: expect.stringMatching(told), cause: expect.any(Error) });
  expect((failure as Error).message).not.toContain("secret");
});

test("a database can be described before it is opened", () => {
  const url = "postgres://planner:secret@db.example:5433/workouts";
  expect(describeDatabase({ url })).toBe("PostgreSQL at db.example:5433/workouts");
  expect(describeDatabase({ url: "", dataDir: "rows" })).toContain("PGlite");
});
