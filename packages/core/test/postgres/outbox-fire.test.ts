import { startPostgres, startRedis } from "@org/test-servers";
import { sql } from "drizzle-orm";
import { expect, test, vi } from "vitest";
import * as z from "zod";
import { createQueue, createRegistry, createWorker, defineMessage, type SendItem } from "../../src/index.ts";
import { queryRows } from "../../src/postgres/database.ts";
import { migrate, once, postgresOutbox } from "../../src/postgres/index.ts";
import { redisEngine } from "../../src/redis/index.ts";
import { ChildProgram } from "./child-program.ts";
import { type FireRelayConfig, MortalServer, seededRandom } from "./outbox-fire-support.ts";
import { cleanups, openNodePostgres } from "./support.ts";

const SENDS = Number(process.env.OUTBOX_FIRE_SENDS ?? 300);
const KILLS = Number(process.env.OUTBOX_FIRE_KILLS ?? 4);
/** Restarts of each server. */
const RESTARTS = Number(process.env.OUTBOX_FIRE_RESTARTS ?? 1);
const SEED = Number(process.env.OUTBOX_FIRE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const PRODUCERS = 4;
const KEYS_PER_PRODUCER = 5;
const TIMEOUT = 30_000 + SENDS * 4 + KILLS * 3_000 + RESTARTS * 20_000;

const step = defineMessage("STEP", {
  data: z.object({ key: z.string().nullable(), index: z.int() }),
  orderingKey: ({ key }) => key ?? undefined,
  retain: { completed: { count: 100 } },
  retry: { attempts: 1_000, backoff: { type: "fixed", delay: "5ms" } },
});
const registry = createRegistry([step]);

test(`under fire: ${SENDS} sends, ${KILLS} relays and ${2 * RESTARTS} servers killed`, {
  timeout: TIMEOUT,
}, async () => {
  console.log(`OUTBOX_FIRE_SEED=${SEED}`);
  const random = seededRandom(SEED);
  const [redis, postgres] = await Promise.all([
    MortalServer.start(startRedis, ["--appendonly", "yes", "--appendfsync", "always"]),
    MortalServer.start(startPostgres, ["-c", "fsync=on", "-c", "synchronous_commit=on"]),
  ]);
  const databaseUrl = postgres.url;
  const db = openNodePostgres(databaseUrl);
  await migrate(db);
  const namespace = "fire";
  const engine = redisEngine({ url: redis.url, namespace });
  const queue = createQueue({ registry, engine, outbox: postgresOutbox({ db }) });
  cleanups.push(() => queue.close());
  const config: Omit<FireRelayConfig, "stopsAfterPublish"> = { databaseUrl, redisUrl: redis.url, namespace };

  await db.execute(sql`create table effects (place bigserial, id text, key text, index int)`);
  await db.execute(sql`create table sent (id text)`);
  const deliveries: string[] = [];
  const done = new Set<string>();
  const worker = createWorker(queue, { concurrency: 20, relay: false, logger: silent }).handle(
    step,
    async (context) => {
      const { job, data } = context;
      deliveries.push(`${job.id}, claim ${context.fence}`);
      await once(db, context, async (tx) => {
        await tx.execute(
          sql`insert into effects (id, key, index) values (${job.id}, ${data.key}, ${data.index})`,
        );
        if (random() < 0.05) throw new Error("with its effects");
      });
      if (random() < 0.2) throw new Error("after its effects");
      done.add(job.id);
    },
  );
  await worker.start();
  cleanups.push(() => worker.stop());

  let sent = 0;
  let rolledBack = 0;
  let interrupted = 0;

  /** One producer per key: its transactions don't overlap, so commits have an order. */
  async function produce(producer: number): Promise<void> {
    const indexes = new Map<string, number>();
    while (sent < SENDS) {
      const items: (SendItem<typeof step> & { options: { id: string } })[] = [];
      for (let left = 1 + Math.floor(random() * 10); left > 0; left--) {
        const key = random() < 0.3 ? null : `${producer}-${Math.floor(random() * KEYS_PER_PRODUCER)}`;
        const index = key === null ? 0 : (indexes.get(key) ?? 0);
        if (key !== null) indexes.set(key, index + 1);
        const dependsOn = items.length > 0 && random() < 0.1 ? [items[0]!.options.id] : [];
        items.push({ message: step, data: { key, index }, options: { id: `job-${sent++}`, dependsOn } });
      }
      const isUndone = random() < 0.2;
      try {
        await db.transaction(async (tx) => {
          await queue.sendMany(items, { tx });
          const ids = items.map(({ options }) => options.id).join(",");
          await tx.execute(sql`insert into sent select unnest(string_to_array(${ids}, ','))`);
          if (isUndone) throw new Undone();
        });
      } catch (error) {
        if (error instanceof Undone) rolledBack += items.length;
        // The server was killed meanwhile. Only `sent` knows whether this was committed.
        else {
          interrupted++;
          await postgres.isBack;
        }
      }
    }
  }

  let killed = 0;

  /** Half of the relays are killed between publishing and marking, the others at any time. */
  async function burn(): Promise<void> {
    while (killed < KILLS) {
      const stopsAfterPublish = killed++ % 2 === 0;
      const relay = new ChildProgram("outbox-fire-relay.ts", {
        ...config,
        stopsAfterPublish,
      } satisfies FireRelayConfig);
      await relay.said("started");
      if (!stopsAfterPublish) await new Promise((resolve) => setTimeout(resolve, random() * 300));
      // Once everything has moved, it publishes nothing.
      else await Promise.race([relay.said("published"), moved]);
      await relay.kill();
    }
  }

  /** Restarts one server after the other while relays are killed. */
  async function restart(): Promise<void> {
    for (let left = RESTARTS; left > 0; left--) {
      await new Promise((resolve) => setTimeout(resolve, random() * 500));
      await redis.killAndRestart("SIGKILL");
      await postgres.killAndRestart("SIGQUIT");
    }
  }

  let allMoved: () => void = () => {};
  const moved = new Promise<void>((resolve) => {
    allMoved = resolve;
  });
  const burning = Promise.all([burn(), burn(), restart()]);
  await Promise.all(Array.from({ length: PRODUCERS }, (_, producer) => produce(producer)));
  const survivor = burning.then(() =>
    new ChildProgram("outbox-fire-relay.ts", { ...config, stopsAfterPublish: false }).said("started"),
  );
  const rows = await vi.waitFor(() => queryRows<{ id: string }>(db, sql`select id from sent`), {
    timeout: 20_000,
  });
  const committed = new Set(rows.map(({ id }) => id));
  await vi.waitFor(() => expect(done.size).toBe(committed.size), { timeout: TIMEOUT, interval: 50 });
  allMoved();
  await survivor;
  await vi.waitFor(async () => expect(await db.$count(sql`queue.queue_outbox`)).toBe(0), {
    timeout: 20_000,
    interval: 50,
  });
  await worker.idle();

  expect(rolledBack).toBeGreaterThan(0);
  console.log(`${committed.size} sent, ${rolledBack} rolled back, ${interrupted} transactions interrupted`);
  // A job that was stored twice would be claimed for the first time twice.
  expect(deliveries.length).toBeGreaterThan(committed.size);
  expect(repeats(deliveries)).toEqual([]);
  const effects = await queryRows<Effect>(db, sql`select id, key, index from effects order by place`);
  expect(repeats(effects.map(({ id }) => id))).toEqual([]);
  expect(new Set(effects.map(({ id }) => id))).toEqual(committed);
  expect(outOfOrder(effects)).toEqual([]);
});

const silent = { warn() {}, error() {} };

class Undone extends Error {}

interface Effect {
  readonly id: string;
  readonly key: string | null;
  readonly index: number;
}

function repeats(values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.size === seen.add(value).size);
}

function outOfOrder(effects: readonly Effect[]): Effect[] {
  const last = new Map<string, number>();
  return effects.filter(({ key, index }) => {
    if (key === null) return false;
    const isBehind = index < (last.get(key) ?? -1);
    last.set(key, index);
    return isBehind;
  });
}
