import { Redis } from "ioredis";
import { indexOf, payloadOf } from "./payload.ts";
import { type Consumer, countdown, type Producer, type System } from "./system.ts";

const STREAM = "bench";
const GROUP = "workers";
const BATCH = 512;
const BLOCK_MS = 5_000;

type Entries = [stream: string, entries: [id: string, fields: [name: string, json: string]][]][] | null;

/**
 * Not a queue, but the limit of this client and server for delivery alone: a stream, written in pipelines and read in
 * batches, without retries, leases or order.
 */
export const rawRedis: System = {
  name: "raw stream",
  package: "ioredis",
  isLimit: true,
  retention: false,
  ordering: false,
  priorities: false,

  async openProducer({ url, atOnce }): Promise<Producer> {
    const redis = await connect(url, atOnce > 1);
    return {
      send: (index) => redis.xadd(STREAM, "*", "d", JSON.stringify(payloadOf(index))),
      async sendMany(indexes) {
        const pipeline = redis.pipeline();
        for (const index of indexes) pipeline.xadd(STREAM, "*", "d", JSON.stringify(payloadOf(index)));
        await pipeline.exec();
      },
      async close() {
        redis.disconnect();
      },
    };
  },

  async openConsumer({ url }, { jobs, handler }): Promise<Consumer> {
    const { done, tick } = countdown(jobs);
    const redis = await connect(url, false);
    await redis.xgroup("CREATE", STREAM, GROUP, "0", "MKSTREAM").catch(ignoreExisting);
    let stopped = false;
    const run = async () => {
      while (!stopped) {
        const reply = (await redis.xreadgroup(
          "GROUP",
          GROUP,
          "c1",
          "COUNT",
          BATCH,
          "BLOCK",
          BLOCK_MS,
          "STREAMS",
          STREAM,
          ">",
        )) as Entries;
        const entries = reply?.[0]?.[1] ?? [];
        if (entries.length === 0) continue;
        await Promise.all(entries.map(async ([, [, json]]) => handler(indexOf(JSON.parse(json)))));
        const ids = entries.map(([id]) => id);
        // Not awaited, so that the next read is sent right behind.
        redis.xack(STREAM, GROUP, ...ids).catch(ignoreClosed);
        redis.xdel(STREAM, ...ids).then(() => ids.forEach(tick), ignoreClosed);
      }
    };
    return {
      async start() {
        run().catch(ignoreClosed);
      },
      done,
      async stop() {
        stopped = true;
        redis.disconnect();
      },
    };

    function ignoreClosed(error: unknown): void {
      if (!stopped) throw error;
    }
  },
};

async function connect(url: string, enableAutoPipelining: boolean): Promise<Redis> {
  const redis = new Redis(url, { lazyConnect: true, enableAutoPipelining });
  await redis.connect();
  return redis;
}

function ignoreExisting(error: Error): void {
  if (!error.message.startsWith("BUSYGROUP")) throw error;
}
