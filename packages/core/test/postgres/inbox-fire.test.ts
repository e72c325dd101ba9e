import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { createQueue, createWorker, type Engine, memoryEngine } from "../../src/index.ts";
import { queryRows } from "../../src/postgres/database.ts";
import { migrate, once } from "../../src/postgres/index.ts";
import { alterEngine } from "../../src/testing/index.ts";
import { plan, planCreate, planResult, registry } from "../runtime-support.ts";
import { cleanups, createDatabase, openNodePostgres } from "./support.ts";

/** `INBOX_FIRE_JOBS=10000` delivers 10,000 jobs twice. */
const JOBS = Number(process.env.INBOX_FIRE_JOBS ?? 500);

/** Outcomes of first attempts never reach the engine, although their worker gets a reply. So their leases expire. */
function losingFirstEnds(engine: Engine): Engine {
  const settle: Engine["core"]["settle"] = async ({ outcomes, ...rest }) => {
    const heard = outcomes.filter(({ epoch }) => epoch > 1);
    const { verdicts, ...reply } = await engine.core.settle({ outcomes: heard, ...rest });
    let next = 0;
    return { ...reply, verdicts: outcomes.map(({ epoch }) => (epoch > 1 ? verdicts[next++]! : "accepted")) };
  };
  return alterEngine(engine, { core: { settle } });
}

test(`${JOBS} jobs whose leases end after their effects have each effect once`, {
  timeout: 30_000 + JOBS * 20,
}, async () => {
  const db = openNodePostgres(await createDatabase());
  await migrate(db);
  await db.execute(sql`create table effects (id text)`);
  const queue = createQueue({ registry, engine: losingFirstEnds(memoryEngine()) });
  cleanups.push(() => queue.close());
  const done: string[] = [];
  const repeated: string[] = [];
  const worker = createWorker(queue, { concurrency: 10, lease: "1s", maintenanceInterval: 100 }).handle(
    planCreate,
    async (context) => {
      const { id } = context.job;
      const outcome = await once(db, context, (tx) => tx.execute(sql`insert into effects values (${id})`));
      (outcome.done ? done : repeated).push(id);
      return planResult();
    },
  );
  await worker.start();
  cleanups.push(() => worker.stop());
  const jobs = Array.from({ length: JOBS }, () => ({ message: planCreate, data: plan() }));
  const handles = await queue.sendMany(jobs);
  await Promise.all(handles.map((handle) => handle.wait()));

  const ids = handles.map(({ id }) => id).sort();
  const effects = await queryRows<{ id: string }>(db, sql`select id from effects`);
  expect(effects.map(({ id }) => id).sort()).toEqual(ids);
  expect(done.sort()).toEqual(ids);
  // A slow machine may let the lease of a claim end before its handler starts.
  expect(new Set(repeated).size).toBeGreaterThan(JOBS / 2);
});
