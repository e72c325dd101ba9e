import { writeSync } from "node:fs";
import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import type { Engine } from "../../src/index.ts";
import { pgListener } from "../../src/postgres/changes/pg-listener.ts";
import { postgresOutbox, startRelay } from "../../src/postgres/index.ts";
import { redisEngine } from "../../src/redis/index.ts";
import { alterEngine } from "../../src/testing/index.ts";
import type { FireRelayConfig } from "./outbox-fire-support.ts";

/** A relay in its own process, to be killed. It exits with the process that started it. */
const { databaseUrl, redisUrl, namespace, stopsAfterPublish } = JSON.parse(
  process.argv[2]!,
) as FireRelayConfig;
process.stdin.on("close", () => process.exit()).resume();

const report = (line: string) => writeSync(1, `${line}\n`);

/** Reports and stops after the jobs are stored and before the outbox is updated. */
function stoppingAfterPublish(engine: Engine): Engine {
  const enqueue: Engine["core"]["enqueue"] = async (batches) => {
    const outcomes = await engine.core.enqueue(batches);
    if (!outcomes.some(({ ok }) => ok)) return outcomes;
    report("published");
    return new Promise(() => {});
  };
  return alterEngine(engine, { core: { enqueue } });
}

const engine = redisEngine({ url: redisUrl, namespace });
await startRelay({
  engine: stopsAfterPublish ? stoppingAfterPublish(engine) : engine,
  outbox: postgresOutbox({
    db: drizzle(new pg.Pool({ connectionString: databaseUrl, max: 2 })),
    listener: pgListener({ connect: () => new pg.Client(databaseUrl) }),
    batch: 50,
  }),
});
report("started");
