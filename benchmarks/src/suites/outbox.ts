import { setTimeout as sleep } from "node:timers/promises";
import { createQueue, type Engine } from "@org/queue";
import { createRegistry, defineMessage } from "@org/queue/contract";
import { migrate, pgListener, postgresOutbox, startRelay } from "@org/queue/postgres";
import { redisEngine } from "@org/queue/redis";
import { startPostgres } from "@org/test-servers";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { pgTable, text } from "drizzle-orm/pg-core";
import pg from "pg";
import { type Measurement, median, percentile, type Suite, type Verdict } from "../measurement.ts";
import { payloadOf, payloadSchema } from "../peers/payload.ts";
import { startServer } from "./peers/redis-server.ts";

const ping = defineMessage("PING", { data: payloadSchema });
const registry = createRegistry([ping]);
const data = payloadOf(0);

/** The outbox table without its trigger. */
const plainRows = pgTable("plain_rows", { id: text(), job: text() });

const CONNECTIONS = 8;
const SENDS_PER_TRANSACTION = 10;
/** Production settings for durable commits, which test servers turn off. */
const DURABLE = ["fsync", "synchronous_commit", "full_page_writes"].flatMap((setting) => [
  "-c",
  `${setting}=on`,
]);

const COMMITS = "ten a transaction";
const RELAY = "a backlog";
const LATENCY = "idle";

/** Sends in transactions: their cost, and the time until they reach the engine. */
export const outboxSuite: Suite = {
  name: "outbox",
  describes: "the outbox in Postgres: commits against plain inserts, throughput and latency of the relay",
  async run({ quick, progress }) {
    const rounds = quick ? 5 : 9;
    const duration = quick ? 1_000 : 4_000;
    const backlog = quick ? 5_000 : 50_000;
    const samples = quick ? 100 : 500;
    await using bench = await Bench.start();
    const plain: number[] = [];
    const sends: number[] = [];
    const through: number[] = [];
    const relayed: number[] = [];
    await bench.commitPlain(500);
    await bench.commitSends(500);
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}`);
      // Alternating, so that neither always follows the relay's work.
      if (round % 2 === 0) plain.push(await bench.commitPlain(duration));
      sends.push(await bench.commitSends(duration));
      if (round % 2 === 1) plain.push(await bench.commitPlain(duration));
      through.push(await bench.sendThrough(duration));
      relayed.push(await bench.relayBacklog(backlog));
    }
    progress("latency");
    const latencies = await bench.latencies(samples);
    const measurement = (
      name: string,
      system: string,
      metric: string,
      unit: string,
      value: number,
    ): Measurement => ({
      suite: "outbox",
      case: name,
      system,
      metric,
      unit,
      value,
    });
    return [
      measurement(COMMITS, "plain inserts", "commits", "/s", median(plain)),
      measurement(COMMITS, "outbox", "commits", "/s", median(sends)),
      // Ratios per round, so that other load on the machine affects both.
      measurement(
        COMMITS,
        "outbox against plain",
        "commits",
        "x",
        median(sends.map((value, round) => value / plain[round]!)),
      ),
      measurement(COMMITS, "outbox and relay", "sent and in the engine", "messages/s", median(through)),
      measurement(RELAY, "relay", "moved", "messages/s", median(relayed)),
      measurement(LATENCY, "relay", "commit to claimed p50", "ms", percentile(latencies, 0.5)),
      measurement(LATENCY, "relay", "commit to claimed p99", "ms", percentile(latencies, 0.99)),
    ];
  },
  judge(measurements) {
    const verdict = (
      promise: string,
      system: string,
      metric: string,
      isMet: (value: number) => boolean,
    ): Verdict[] =>
      measurements
        .filter((found) => found.system === system && found.metric === metric)
        .map(({ value, unit }) => ({
          promise,
          found: `${value.toPrecision(3)} ${unit}`,
          isMet: isMet(value),
        }));
    return [
      ...verdict(
        "commits within 15 % of plain inserts",
        "outbox against plain",
        "commits",
        (value) => value >= 0.85,
      ),
      ...verdict(
        "at least 5,000 messages/s",
        "outbox and relay",
        "sent and in the engine",
        (value) => value >= 5_000,
      ),
      ...verdict("idle p99 below 50 ms", "relay", "commit to claimed p99", (value) => value < 50),
    ];
  },
};

class Bench implements AsyncDisposable {
  readonly #pool: pg.Pool;
  readonly #engine: Engine;
  readonly #emptyEngine: () => Promise<void>;
  readonly #cleanups: readonly (() => Promise<unknown>)[];
  readonly #db;
  readonly #outbox;
  readonly #queue;
  #rows = 0;
  /** The JSON that a send stores. */
  #job = "";

  private constructor(
    url: string,
    engine: Engine,
    emptyEngine: () => Promise<void>,
    cleanups: readonly (() => Promise<unknown>)[],
  ) {
    this.#emptyEngine = emptyEngine;
    this.#pool = new pg.Pool({ connectionString: url, max: CONNECTIONS + 1 });
    this.#engine = engine;
    this.#db = drizzle(this.#pool);
    const listener = pgListener({ connect: () => new pg.Client(url) });
    this.#outbox = postgresOutbox({ db: this.#db, listener });
    this.#queue = createQueue({ registry, engine, outbox: this.#outbox });
    this.#cleanups = [() => listener.close(), () => this.#queue.close(), () => this.#pool.end(), ...cleanups];
  }

  static async start(): Promise<Bench> {
    const [postgres, redis] = await Promise.all([startPostgres({ args: DURABLE }), startServer()]);
    const engine = redisEngine({ url: redis.url });
    const bench = new Bench(postgres.url, engine, () => redis.flush(), [
      () => postgres.stop(),
      async () => redis[Symbol.asyncDispose](),
    ]);
    await migrate(bench.#db);
    await bench.#db.execute(sql`create table plain_rows (like queue.queue_outbox including all)`);
    await bench.#send(1);
    const { rows } = await bench.#db.execute<{ job: string }>(sql`select job from queue.queue_outbox`);
    bench.#job = rows[0]!.job;
    return bench;
  }

  /** Transactions per second that insert the rows directly. */
  commitPlain(duration: number): Promise<number> {
    const job = this.#job;
    return this.#commit(duration, async () => {
      const rows = Array.from({ length: SENDS_PER_TRANSACTION }, () => ({ id: this.#newId(), job }));
      await this.#db.transaction((tx) => tx.insert(plainRows).values(rows));
    });
  }

  /** Transactions per second that send, without a relay. */
  commitSends(duration: number): Promise<number> {
    return this.#commit(duration, () => this.#send());
  }

  /** Messages per second from send to engine, with a relay in the same process. */
  async sendThrough(duration: number): Promise<number> {
    await this.#empty();
    const relay = await startRelay({ outbox: this.#outbox, engine: this.#engine });
    const start = performance.now();
    let messages = 0;
    await this.#commit(duration, async () => {
      await this.#send();
      messages += SENDS_PER_TRANSACTION;
    });
    await this.#untilEmpty();
    const took = performance.now() - start;
    await relay.stop();
    return (messages / took) * 1_000;
  }

  /** Messages per second that a relay moves, without concurrent sends. */
  async relayBacklog(backlog: number): Promise<number> {
    await this.#empty();
    for (let sent = 0; sent < backlog; sent += 1_000) await this.#send(1_000);
    const start = performance.now();
    const relay = await startRelay({ outbox: this.#outbox, engine: this.#engine });
    await this.#untilEmpty();
    const took = performance.now() - start;
    await relay.stop();
    return (backlog / took) * 1_000;
  }

  /** Milliseconds from the commit of a transaction to the claim of a worker, with pauses in between. */
  async latencies(samples: number): Promise<readonly number[]> {
    await this.#empty();
    const relay = await startRelay({ outbox: this.#outbox, engine: this.#engine });
    await sleep(2_000);
    const latencies: number[] = [];
    const { signal } = new AbortController();
    const queues = registry.queues;
    for (let sample = 0; sample < samples; sample++) {
      await sleep(20 + Math.random() * 80);
      await this.#send(1);
      const committed = performance.now();
      for (;;) {
        const { jobs } = await this.#engine.core.claim({ queues, limit: 1, lease: 30_000 });
        const claimed = jobs[0];
        if (claimed) {
          latencies.push(performance.now() - committed);
          await this.#engine.core.settle({
            outcomes: [{ ...claimed, type: "complete" }],
          });
          break;
        }
        await this.#engine.core.waitForWork({ queues, timeout: 5_000, signal });
      }
    }
    await relay.stop();
    return latencies;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cleanup of this.#cleanups) await cleanup();
  }

  /** Transactions per second over all connections. */
  async #commit(duration: number, transaction: () => Promise<void>): Promise<number> {
    await this.#db.execute(sql`truncate plain_rows`);
    await this.#empty();
    globalThis.gc?.();
    const start = performance.now();
    let commits = 0;
    const connection = async () => {
      for (; performance.now() - start < duration; commits++) await transaction();
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, connection));
    return (commits / (performance.now() - start)) * 1_000;
  }

  async #send(count = SENDS_PER_TRANSACTION): Promise<void> {
    const items = Array.from({ length: count }, () => ({ message: ping, data }));
    await this.#db.transaction((tx) => this.#queue.sendMany(items, { tx }));
  }

  async #empty(): Promise<void> {
    await this.#db.execute(sql`truncate queue.queue_outbox`);
    await this.#emptyEngine();
  }

  async #untilEmpty(): Promise<void> {
    for (;;) {
      const { rows } = await this.#db.execute(sql`select from queue.queue_outbox limit 1`);
      if (rows.length === 0) return;
      await sleep(5);
    }
  }

  #newId(): string {
    return `0123456789abcdef${(this.#rows++).toString(36).padStart(8, "0")}`;
  }
}
