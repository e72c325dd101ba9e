import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@org/test-servers";
import { expect, test } from "vitest";
import { describeDatabase, openDatabase } from "../src/db/open.ts";
import { clients } from "../src/db/schema.ts";
import { SetupError } from "../src/setup-error.ts";

const ada = { id: "ada", name: "Ada", email: "ada@client.example" };

test("PGlite with a directory finds its rows again", async () => {
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
  ["postgres://nobody:secret@:::/none", /^DATABASE_URL: the database at what DATABASE_URL names can't/],
])("a database that can't be opened is named, without the password: %s", async (url, told) => {
  const failure = await openDatabase({ url }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(SetupError);
  expect(failure).toMatchObject({ message: expect.stringMatching(told), cause: expect.any(Error) });
  expect((failure as Error).message).not.toContain("secret");
});

test("which database it is can be told before it is opened", () => {
  const url = "postgres://planner:secret@db.example:5433/workouts";
  expect(describeDatabase({ url })).toBe("PostgreSQL at db.example:5433/workouts");
  expect(describeDatabase({ url: "", dataDir: "rows" })).toContain("PGlite");
});
