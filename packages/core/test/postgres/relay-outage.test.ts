import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@org/test-servers";
import { drizzle as drizzleNodePostgres } from "drizzle-orm/node-postgres";
import { drizzle as drizzlePostgresJs } from "drizzle-orm/postgres-js";
import pg from "pg";
import postgres from "postgres";
import { describe, expect, test, vi } from "vitest";
import { pgListener } from "../../src/postgres/changes/pg-listener.ts";
import { type Database, migrate } from "../../src/postgres/index.ts";
import { plan, planCreate } from "../runtime-support.ts";
import { sending } from "./outbox-support.ts";
import { cleanups } from "./support.ts";

const until: typeof vi.waitFor = (look) => vi.waitFor(look, { timeout: 15_000, interval: 20 });

/** Created as in an app that doesn't prepare for outages. */
const databases: readonly { readonly name: string; open(url: string): Database }[] = [
  {
    name: "node-postgres",
    open(url) {
      const pool = new pg.Pool({ connectionString: url });
      cleanups.push(() => pool.end());
      return drizzleNodePostgres(pool);
    },
  },
  {
    name: "postgres.js",
    open(url) {
      const client = postgres(url, { fetch_types: false, onnotice: () => {} });
      cleanups.push(() => client.end({ timeout: 1 }));
      return drizzlePostgresJs(client);
    },
  },
];

describe.each(databases)("a relay on $name whose server crashes", ({ open }) => {
  test("continues once it is back, also from the middle of a turn", { timeout: 40_000 }, async () => {
    const directory = await mkdtemp(join(tmpdir(), "queue-outage-"));
    cleanups.push(() => rm(directory, { recursive: true, force: true }));
    const args = ["-c", "fsync=on", "-c", "synchronous_commit=on"];
    const first = await startPostgres({ directory, args });
    cleanups.push(() => first.stop());
    const { url } = first;
    const db = open(url);
    await migrate(db);
    const listener = pgListener({ connect: () => new pg.Client(url) });
    cleanups.push(() => listener.close());
    const { queue, relay, flaky, logger, arrived } = sending({ db, listener });
    const send = (id: string) => db.transaction((tx) => queue.send(planCreate, plan(), { id, tx }));
    await relay();
    await send("before");
    await until(() => expect(arrived()).toEqual(["before"]));

    flaky.hang("enqueue");
    await send("in-a-turn");
    await until(() => expect(flaky.count("enqueue")).toBe(2));
    // An immediate shutdown closes no connection cleanly, and recovers at the next start.
    process.kill(first.pid!, "SIGQUIT");
    await first.stop();
    flaky.mend();
    await until(() => expect(logger.lines).toEqual([expect.stringMatching(/^error: The relay can't move/)]));

    const second = await startPostgres({ directory, args, port: Number(new URL(url).port) });
    cleanups.push(() => second.stop());
    await until(() => expect(logger.lines.at(-1)).toMatch(/^warn: The relay can move/));
    await until(() => send("after"));
    await until(() => expect(arrived()).toEqual(["before", "in-a-turn", "after"]));
    const { jobs } = await queue.list({ queue: "plans" });
    expect(jobs.map(({ id }) => id)).toEqual(["after", "in-a-turn", "before"]);
  });
});
