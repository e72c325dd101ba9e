import { Redis } from "ioredis";
import type { ClaimedJob } from "../src/engine/core.ts";
import type { NewJob } from "../src/engine/job.ts";
import { IoredisConnection } from "../src/redis/connection/ioredis-connection.ts";
import { RedisEngine } from "../src/redis/redis-engine.ts";
import { resolveRedisOptions } from "../src/redis/redis-options.ts";
import { type JobSpec, newJob } from "../src/testing/conformance/new-job.ts";
import { FakeTimeConnection } from "./redis-fake-time.ts";
import { RecordingLogger } from "./runtime-support.ts";

export const START = 1_700_000_000_000;
export const PREFIX = "{damaged}:";
export const LEASE = 5_000;

/** An engine on a database of its own, in a time that is advanced by hand. */
export async function open(serverUrl: string, database: number) {
  const url = `${serverUrl.replace(/\/\d*$/, "")}/${database}`;
  const admin = new Redis(url);
  await admin.flushdb();
  const options = resolveRedisOptions({ url, namespace: "damaged" });
  const connection = new FakeTimeConnection(new IoredisConnection(options, PREFIX), admin, PREFIX);
  await connection.start(START);
  const engine = new RedisEngine({ connection, tombstones: options.tombstones });
  const logger = new RecordingLogger();
  engine.logTo(logger);
  const close = async () => {
    await engine.core.close();
    await admin.quit();
  };
  return { admin, engine, logger, elapse: (milliseconds: number) => connection.advance(milliseconds), close };
}

export type Bench = Awaited<ReturnType<typeof open>>;

export const send = (bench: Bench, ...specs: readonly JobSpec[]) =>
  bench.engine.core.enqueue([{ jobs: specs.map((spec) => newJob(spec)) as readonly NewJob[] }]);

export const claim = async ({ engine }: Bench, queues: readonly string[], limit = 100) =>
  (await engine.core.claim({ queues, limit, lease: LEASE, run: 3 })).jobs;

export const complete = ({ engine }: Bench, jobs: readonly ClaimedJob[]) =>
  engine.core.settle({ outcomes: jobs.map((job) => ({ ...job, type: "complete", result: "1" })) });
