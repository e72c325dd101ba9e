import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  type Middleware,
  UnrecoverableError,
} from "@org/queue";
import { afterEach, expect, test, vi } from "vitest";
import * as z from "zod";
import type { LevelLogger } from "../src/config/config.ts";
import { currentJob, log } from "../src/index.ts";
import { openLogs } from "../src/logs/open-logs.ts";

const mail = defineMessage("MAIL", { data: z.object({ to: z.string() }), retry: { attempts: 1 } });
const registry = createRegistry([mail]);

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  vi.restoreAllMocks();
});

interface Line {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

function recorder(): LevelLogger & { readonly lines: Line[] } {
  const lines: Line[] = [];
  const record = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, message });
  };
  return {
    lines,
    debug: record("debug"),
    info: record("info"),
    warn: record("warn"),
    error: record("error"),
  };
}

async function open(
  logger: LevelLogger,
  handler: (to: string, context: { readonly signal: AbortSignal }) => unknown,
  { level = "info", options = {} }: { level?: "debug" | "info" | "error"; options?: object } = {},
) {
  const logs = openLogs({ level, format: "json", logger, intoJobs: false });
  const queue = createQueue({ registry, logger: { warn() {}, error() {} } }).use(logs.middleware);
  const settled = vi.fn();
  queue.use({ settled } satisfies Middleware);
  closers.push(() => queue.close());
  const worker = createWorker(queue, { logger: logs.coreLogger, ...options }).handle(
    mail,
    async ({ data, signal }) => void (await handler(data.to, { signal })),
  );
  closers.push(() => worker.stop({ timeout: 0 }));
  await worker.start();
  return { queue, worker, logs };
}

test.each([
  [
    "throws",
    () => {
      throw new Error("disk full");
    },
  ],
  ["rejects", () => Promise.reject(new Error("disk full"))],
  ["never settles", () => new Promise(() => {})],
  [
    "returns what can't be awaited",
    () =>
      new Proxy(
        {},
        {
          get() {
            throw new Error("no");
          },
        },
      ),
  ],
] as const)("a logger that %s hurts no job, and is told once", async (how, write) => {
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const logger = { debug: write, info: write, warn: write, error: write } as unknown as LevelLogger;
  const { queue, worker } = await open(logger, () => log.info("Sending"), { level: "debug" });
  const job = await queue.send(mail, { to: "ada" });
  await job.wait();
  await (await queue.send(mail, { to: "bob" })).wait();
  await worker.idle();
  expect(stderr.mock.calls.length).toBe(how === "never settles" ? 0 : 1);
  if (how !== "never settles")
    expect(stderr.mock.calls[0]![0]).toMatch(/^The logger failed with Error: .*told once/);
});

test("levels that are off are never made", async () => {
  const logger = recorder();
  const { queue, worker } = await open(logger, () => log.warn("Careful"), { level: "error" });
  await (await queue.send(mail, { to: "ada" })).wait();
  await worker.idle();
  expect(logger.lines).toEqual([]);
});

test("a handler's own fields can't replace those of its job", async () => {
  const logger = recorder();
  const { queue, worker } = await open(logger, () =>
    log.with({ job: "other", step: 1 }).info({ attempt: 9 }, "Hi"),
  );
  const { id } = await queue.send(mail, { to: "ada" }, { userId: "user-1" });
  await worker.idle();
  expect(logger.lines[0]).toEqual({
    level: "info",
    message: "Hi",
    fields: { step: 1, job: id, message: "MAIL", queue: "default", attempt: 1, user: "user-1" },
  });
});

test("a timer that outlives its job still logs with it, and a crash in it knows the job", async () => {
  const logger = recorder();
  let late = () => {};
  const fired = new Promise<void>((resolve) => {
    late = resolve;
  });
  let known: string | undefined;
  const { queue, worker } = await open(logger, () => {
    setTimeout(() => {
      log.info("Late");
      known = currentJob()?.id;
      late();
    }, 20);
  });
  const job = await queue.send(mail, { to: "ada" });
  await worker.idle();
  await fired;
  expect(logger.lines.map(({ message, fields }) => [message.split(" ")[0], fields.job])).toEqual([
    ["Completed", job.id],
    ["Late", job.id],
  ]);
  expect(known).toBe(job.id);
  expect(currentJob()).toBeUndefined();
});

test.each([
  ["null", null, { type: "null", message: "null" }],
  ["a symbol", Symbol("x"), { type: "symbol", message: "Symbol(x)" }],
  ["an empty error", new Error(""), { type: "Error", message: "Error" }],
  [
    "a proxy",
    new Proxy(
      {},
      {
        get: () => {
          throw new Error("trap");
        },
        has: () => {
          throw new Error("trap");
        },
      },
    ),
    { type: "Error" },
  ],
  ["its own cause", Object.assign(new Error("loop"), { self: 1 }), { type: "Error", message: "loop" }],
  [
    "several",
    new AggregateError([new Error("a"), "b"], "both"),
    { type: "AggregateError", message: "both", errors: [{ message: "a" }, { type: "string", message: "b" }] },
  ],
])("whatever is thrown is a line: %s", async (name, thrown, expected) => {
  if (name === "its own cause") (thrown as Error).cause = thrown;
  const logger = recorder();
  const { queue, worker } = await open(logger, () => Promise.reject(thrown));
  await queue.send(mail, { to: "ada" });
  await worker.idle();
  expect(logger.lines).toMatchObject([{ level: "error", fields: { outcome: "failed", err: expected } }]);
  expect(() => JSON.stringify(logger.lines)).not.toThrow();
});

test("an attempt that never reached its handler, a cancelled and a released one have their line", async () => {
  const logger = recorder();
  let started = () => {};
  const running = () =>
    new Promise<void>((resolve) => {
      started = resolve;
    });
  const { queue, worker } = await open(logger, (to, { signal }) => {
    if (to === "gone") throw new UnrecoverableError("no such user");
    started();
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  let runs = running();
  const cancelled = await queue.send(mail, { to: "ada" });
  await runs;
  await queue.cancel(cancelled, { reason: "not\nneeded" });
  await worker.idle();
  runs = running();
  await queue.send(mail, { to: "bob" });
  await runs;
  await worker.stop({ timeout: 0 });
  expect(
    logger.lines.filter(({ fields }) => fields.outcome).map(({ level, message }) => [level, message]),
  ).toEqual([
    ["info", expect.stringMatching(/^MAIL was cancelled after \d+ ms: not\\nneeded\.$/)],
    ["info", expect.stringMatching(/^MAIL was given back after \d+ ms\. The attempt doesn't count\.$/)],
  ]);
});

test("what core reports goes to the same logger, with its error", () => {
  const logger = recorder();
  const { coreLogger } = openLogs({ level: "info", format: "json", logger, intoJobs: false });
  coreLogger.warn("@org/queue: Slow.");
  coreLogger.error("@org/queue: Broken.", new TypeError("x"));
  expect(logger.lines).toMatchObject([
    { level: "warn", fields: {}, message: "@org/queue: Slow." },
    { level: "error", fields: { err: { type: "TypeError", message: "x" } }, message: "@org/queue: Broken." },
  ]);
});
