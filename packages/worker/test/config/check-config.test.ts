import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createQueue, createRegistry, createWorker, defineMessage, memoryEngine } from "@org/queue";
import { afterAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { checkConfig } from "../../src/config/check-config.ts";
import { KNOWN_KEYS } from "../../src/config/config-schema.ts";

const mail = defineMessage("MAIL", { data: z.object({ to: z.string() }) });
const queue = createQueue({ registry: createRegistry([mail]), engine: memoryEngine() });
const handlers = { MAIL: async () => undefined };
const directory = mkdtempSync(join(tmpdir(), "queue-config-"));
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await queue.close();
});

const refusal = (config: unknown, path?: string) => {
  try {
    checkConfig(config, path);
  } catch (error) {
    expect(error).toMatchObject({ name: "CommandError", exitCode: 78 });
    return (error as Error).message;
  }
  return "accepted";
};

const QUEUE = "expected a queue (createQueue), or a function that opens it: () => createQueue({ … }).";
const DURATION = 'a duration like "500ms", "8s" or "2m", from';

describe("a config", () => {
  test("may use every option", () => {
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const rest = {
      close: () => {},
      stopTimeout: 25_000,
      processes: 4,
      logs: { level: "warn", format: "pretty", logger, intoJobs: true },
      endpoints: { port: 0, host: "::1" },
      watch: { slowFactor: 3, blockedFor: "500ms", killBlockedAfter: "1m", maxMemory: 512 },
      restarts: { pause: "0s", giveUpAfter: 1 },
    };
    const worker = {
      name: "mails",
      concurrency: 5,
      lease: "10s",
      queues: ["default"],
      prefetch: 0,
      pollInterval: "1s",
      maintenanceInterval: "1s",
      relay: false,
    };
    expect(refusal({ queue })).toBe("accepted");
    expect(refusal({ queue: () => queue, handlers: () => handlers, worker })).toBe("accepted");
    expect(refusal({ queue, handlers: { ...handlers, OTHER: undefined }, worker, ...rest })).toBe("accepted");
    expect(refusal({ queue, workers: [{ ...worker, handlers }], ...rest })).toBe("accepted");
    expect(refusal({ queue, workers: () => [{ handlers }] })).toBe("accepted");
    expect(Object.keys(worker)).toEqual(KNOWN_KEYS.worker);
  });

  test.each([
    [null, "it is null: expected an object."],
    [[], "it is an array: expected an object."],
    [{}, `queue is missing: ${QUEUE}`],
    [{ queue: Promise.resolve(queue) }, `queue is a promise: ${QUEUE}`],
    [{ queue: { registry: {} } }, `queue is an object: ${QUEUE}`],
    [{ queue: "redis://:secret@host" }, `queue is a URL: ${QUEUE}`],
    [{ queue, procesess: 2 }, "procesess is unknown. Did you mean processes?"],
    [
      { queue, redis: "redis://host" },
      "redis is unknown. It may be one of queue, handlers, worker, workers, database, close, stopTimeout, processes, logs, " +
        "endpoints, watch, restarts.",
    ],
    [
      { queue, handlers, worker: { concurency: 1 } },
      "worker.concurency is unknown. Did you mean concurrency?",
    ],
    [
      { queue, logs: { lvl: "info" } },
      "logs.lvl is unknown. It may be one of level, format, logger, intoJobs.",
    ],
    [{ queue, workers: [{ handlers, leases: 1 }] }, "workers[0].leases is unknown. Did you mean lease?"],
    [{ queue, stopTimeout: "8 sec" }, `stopTimeout is "8 sec": expected ${DURATION} "0s" to "1d".`],
    [{ queue, stopTimeout: -1 }, `stopTimeout is -1: expected ${DURATION} "0s" to "1d".`],
    [
      { queue, stopTimeout: 5 },
      `stopTimeout is 5: expected ${DURATION} "0s" to "1d"; a number is milliseconds, write "5s" for seconds.`,
    ],
    [
      { queue, handlers: {}, worker: { lease: 30 } },
      `worker.lease is 30: expected ${DURATION} "1s" to "1h"; a number is milliseconds, write "30s" for seconds.`,
    ],
    [{ queue, stopTimeout: Number.NaN }, `stopTimeout is NaN: expected ${DURATION} "0s" to "1d".`],
    [{ queue, processes: 0 }, "processes is 0: expected a whole number from 1 to 64."],
    [{ queue, processes: "2" }, 'processes is "2": expected a whole number from 1 to 64.'],
    [{ queue, processes: 1.5 }, "processes is 1.5: expected a whole number from 1 to 64."],
    [{ queue, close: true }, "close is true: expected a function."],
    [
      { queue, handlers: [] },
      "handlers is an array: expected an object of handlers by message name, or a function that returns it.",
    ],
    [
      { queue, handlers: { MAIL: "./mail.ts" } },
      'handlers.MAIL is "./mail.ts": expected a handler: async ({ data }) => ….',
    ],
    [{ queue, workers: [] }, "workers is an array: expected at least one worker."],
    [{ queue, workers: {} }, "workers is an object: expected an array."],
    [
      { queue, workers: [{}] },
      "workers[0].handlers is missing: expected an object of handlers by message name, or a function that returns it.",
    ],
    [
      { queue, workers: [{ handlers, lease: "1ms" }] },
      `workers[0].lease is "1ms": expected ${DURATION} "1s" to "1h".`,
    ],
    [
      { queue, handlers, workers: [{ handlers }] },
      "workers and handlers exclude each other: move the handlers into one of the workers.",
    ],
    [
      { queue, worker: { concurrency: 2 } },
      "worker has options of the worker that runs the handlers, and handlers is missing.",
    ],
    [
      { queue, worker: {}, workers: [{ handlers }] },
      "worker has options for handlers: with workers, give them to each of the workers.",
    ],
    [
      { queue, logs: { logger: {} } },
      "logs.logger is an object: expected a logger with debug, info, warn and error.",
    ],
    [
      { queue, database: { db: "postgres://localhost" } },
      "database.db is a URL: expected a database of Drizzle, such as drizzle(pool).",
    ],
    [
      { queue, database: { db: { execute() {} }, statusTable: [] } },
      "database.statusTable is unknown. Did you mean statusTables?",
    ],
    [{ queue, endpoints: 9400 }, "endpoints is 9400: expected an object."],
    [
      { queue, endpoints: { port: 70_000 } },
      "endpoints.port is 70000: expected a whole number from 0 to 65,535.",
    ],
    [{ queue, watch: { slowFactor: 0 } }, "watch.slowFactor is 0: expected a number from 1 to 10,000."],
    [
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error("no keys");
          },
        },
      ),
      "it can't be read: no keys",
    ],
  ])("that is wrong is refused: %#", (config, message) => {
    expect(refusal(config)).toBe(`The config: ${message}`);
  });

  test("names all of its problems, each with its line", () => {
    const path = join(directory, "queue.config.ts");
    const source = `import { queue } from "./queue";
// stopTimeout: "8s" is enough
const logs = { level: "info" };
export default defineConfig({
  queue: () => createQueue({ registry, processes: 7 }),
  handlers: {
    MAIL: async ({ data }) => ({ processes: data }), // { processes: 2 }
    "OTHER": "{ text",
  },
  worker: { concurrency: 2, lease: "1ms" },
  processes: 0,
  stopTimeout:
    "long",
  logs,
});
`;
    writeFileSync(path, source);
    const config = {
      queue,
      handlers: { MAIL: async () => {}, OTHER: "{ text" },
      worker: { concurrency: 2, lease: "1ms" },
      processes: 0,
      stopTimeout: "long",
      logs: { level: "loud" },
    };
    expect(refusal(config, path)).toBe(`The config has 5 problems:
  ${path}:8: handlers.OTHER is "{ text": expected a handler: async ({ data }) => ….
  ${path}:10: worker.lease is "1ms": expected ${DURATION} "1s" to "1h".
  ${path}:12: stopTimeout is "long": expected ${DURATION} "0s" to "1d".
  ${path}:11: processes is 0: expected a whole number from 1 to 64.
  ${path}:3: logs.level is "loud": expected "debug", "info", "warn", "error" or "silent".`);
    expect(refusal({}, path)).toBe(`${path}:4: queue is missing: ${QUEUE}`);
    expect(refusal({ queue, workers: [1] }, path)).toBe(`${path}: workers[0] is 1: expected an object.`);
    expect(refusal({}, join(directory, "gone.ts"))).toBe(`${directory}/gone.ts: queue is missing: ${QUEUE}`);
  });

  test("refuses the same options of workers as createWorker", () => {
    const limits: Record<string, readonly unknown[]> = {
      name: ["", "a", "a".repeat(256), "a".repeat(257), 1],
      concurrency: [0, 1, 10_000, 10_001, 1.5, "1"],
      lease: [999, 1_000, "1h", 3_600_001, "x"],
      queues: [[], ["default"], ["not a name"], "default", [1]],
      prefetch: [-1, 0, 10_000, 10_001],
      pollInterval: [49, "50ms", "1m", 60_001],
      maintenanceInterval: [49, "50ms", "10s", 10_001],
      relay: [true, false, 0, "yes"],
    };
    expect(Object.keys(limits)).toEqual(KNOWN_KEYS.worker);
    for (const [option, values] of Object.entries(limits)) {
      for (const value of values) {
        const worker = { [option]: value };
        const isRefused = refusal({ queue, handlers, worker }) !== "accepted";
        const create = () => createWorker(queue, worker);
        if (isRefused) expect(create, `${option}: ${value}`).toThrow();
        else expect(create, `${option}: ${value}`).not.toThrow();
      }
    }
  });
});
