import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@org/test-servers";
import { expect, test } from "vitest";
import { openDatabase } from "../src/db/open.ts";
import { clients } from "../src/db/schema.ts";

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

test("a database that can't be reached says so", async () => {
  const open = openDatabase({ url: "postgres://nobody@127.0.0.1:1/none" });
  await expect(open).rejects.toThrow(/ECONNREFUSED/);
});
