import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { createRegistry, defineMessage, isQueueError } from "../src/contract/index.ts";
import { engineFromEnv } from "../src/env/engine-from-env.ts";
import { createWorker } from "../src/index.ts";
import { memoryEngine } from "../src/memory/index.ts";
import { postgresOutbox } from "../src/postgres/index.ts";
import { createQueue } from "../src/queue/queue.ts";
import { redisEngine } from "../src/redis/index.ts";
import { PROXIES, TRAPS } from "../src/testing/model/index.ts";

const message = defineMessage("PLAN", { data: z.object({}) });
const registry = createRegistry([message]);

function refusalOf(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    if (isQueueError(error, "INVALID_OPTIONS")) return error;
    throw new Error(`Not the error that was expected: ${inspect(error)}`, { cause: error });
  }
  throw new Error("It was accepted.");
}

async function rejectionOf(options: unknown): Promise<Error> {
  const queue = createQueue({ registry, engine: memoryEngine() });
  try {
    await queue.send(message, {}, options as never);
  } catch (error) {
    if (isQueueError(error, "INVALID_OPTIONS")) return error;
    throw error;
  } finally {
    await queue.close();
  }
  throw new Error("It was accepted.");
}

describe("an error about an option shows the value", () => {
  test.each<[object, string]>([
    [{ delay: "15" }, 'to 315360000000 ms, got "15"'],
    [{ delay: Number.NaN }, "got NaN"],
    [{ delay: 10n ** 500n }, `got 1${"0".repeat(30)}`],
    [{ delay: Symbol("soon") }, "got Symbol(soon)"],
    [{ delay: ["1s"] }, "got an array"],
    [{ delay: () => "secret" }, "got a function"],
    [{ priority: 1_001 }, "priority: must be at most 1000, got 1001"],
    [{ priority: "high" }, 'priority: expected number, got "high"'],
    [{ priority: null }, "priority: expected number, got null"],
    [{ priority: 1.5 }, "priority: expected a whole number, got 1.5"],
    [{ id: "no spaces" }, 'got "no spaces"'],
    [{ id: "" }, 'got ""'],
    [{ userId: "x".repeat(300_000) }, `userId: must have a length of at most 256, got "xxx`],
    [{ dedupe: { key: "", window: 1 } }, 'dedupe.key: must have a length of at least 1, got ""'],
    [{ dedupe: { key: "\ud800", window: 1 } }, "half a surrogate pair"],
    [{ metadata: [] }, "metadata: expected an object, got an array"],
    [{ metadata: "text" }, "metadata: expected an object, got a string"],
    [{ dependsOn: [42] }, "got 42"],
    [{ dependsOn: ["no spaces"] }, 'got "no spaces"'],
    [{ dependsOn: [Promise.resolve()] }, "got a promise"],
  ])("of a send: %o", async (options, text) => {
    const error = await rejectionOf(options);
    expect(error.message).toContain(text);
    expect(error.message.length).toBeLessThan(400);
    expect(error.message.isWellFormed()).toBe(true);
  });

  test("of a queue, its calls and a worker", async () => {
    const queue = createQueue({ registry });
    expect(refusalOf(() => createQueue({} as never)).message).toContain("createRegistry), got undefined");
    expect(refusalOf(() => createQueue({ registry, engine: Promise.resolve() } as never)).message).toContain(
      "engine: expected an engine, got a promise",
    );
    expect(refusalOf(() => createWorker(queue, { concurrency: 0 })).message).toContain("at least 1, got 0");
    expect(refusalOf(() => createWorker(queue, { queues: ["a b"] })).message).toMatch(
      /queues\.0: must match .*, got "a b"/,
    );
    await expect(queue.list({ state: "done" as never })).rejects.toThrow('cancelled, got "done"');
    await expect(queue.clean({ state: "done" as never })).rejects.toThrow('"cancelled", got "done"');
    await expect(queue.metrics({ since: new Date(Number.NaN) })).rejects.toThrow("got an invalid date");
    await expect(queue.metrics({ since: "today" as never })).rejects.toThrow('got "today"');
    await expect(queue.sendMany("all" as never)).rejects.toThrow("array of items, got a string");
    await queue.close();
  });

  test("of a message, in its problems", () => {
    const { problems } = defineMessage("PLAN", {
      data: z.object({}),
      priority: -1,
      upcast: { v1: String },
      onOrderingFailure: "stop",
    } as never);
    expect(problems).toEqual([
      'upcast.v1: expected a version number, got "v1"',
      "priority: must be at least 0, got -1",
      'onOrderingFailure: expected one of "continue", "hold", got "stop"',
    ]);
  });

  test.each([
    [{ QUEUE_ENGINE: "postgres" }, 'must be "memory" or "redis", got "postgres"'],
    [{ REDIS_HOST: "h", REDIS_PORT: "tcp://10.0.0.1:6379" }, "from 0 to 65535, got a URL"],
    [{ REDIS_HOST: "h", REDIS_DB: "first" }, 'got "first"'],
    [{ REDIS_HOST: "h", REDIS_TLS: "yes" }, 'must be "true" or "false", got "yes"'],
    [{ REDIS_HOST: "h", QUEUE_NAMESPACE: "a b" }, 'got "a b"'],
  ])("of the environment: %o", (env, text) => {
    expect(refusalOf(() => engineFromEnv({ env, logger: { info() {} } })).message).toContain(text);
  });
});

test.each<[string, () => unknown]>([
  ["a URL as all options", () => redisEngine("redis://u:s3cret@h" as never)],
  ["a URL as the client", () => redisEngine({ client: "redis://u:s3cret@h" as never })],
  ["a URL without a scheme as the client", () => redisEngine({ client: "u:s3cret@h" as never })],
  ["a URL as the namespace", () => redisEngine({ url: "redis://h", namespace: "redis://u:s3cret@h" })],
  ["a URL object", () => redisEngine({ url: new URL("redis://u:s3cret@h") as never })],
  ["connection options as the URL", () => redisEngine({ url: { password: "s3cret" } as never })],
  ["connection options as the client", () => redisEngine({ client: { password: "s3cret" } as never })],
  ["an unknown password", () => redisEngine({ url: "redis://h", password: "s3cret" } as never)],
  ["a URL as the name of an option", () => redisEngine({ "redis://u:s3cret@h": 1 } as never)],
  ["a URL as the engine", () => createQueue({ registry, engine: "redis://u:s3cret@h" as never })],
  ["a conninfo text as the database", () => postgresOutbox({ db: "password=s3cret" as never })],
  ["an environment that is text", () => engineFromEnv({ env: "REDIS_PASSWORD=s3cret" as never })],
  ["a login in the host", () => engineFromEnv({ env: { REDIS_HOST: "u:s3cret@h" } })],
])("no error shows a password: %s", (_what, call) => {
  const { message, stack, ...rest } = refusalOf(call);
  expect(message + inspect(rest, { depth: 10, showHidden: true })).not.toContain("s3cret");
});

describe("an unknown option", () => {
  test.each<[object, string]>([
    [{ prio: 1 }, 'send: unknown option "prio" (did you mean "priority"?): the options are id, userId, '],
    [{ Delay: 1 }, '"Delay" (did you mean "delay"?)'],
    [{ dependOn: [] }, '"dependOn" (did you mean "dependsOn"?)'],
    [{ atempts: 1 }, '"atempts" (did you mean "attempts"?)'],
    [{ colour: 1 }, 'unknown option "colour": the options are id, '],
    [
      { dedupe: { key: "a", windwo: 1, window: 1 } },
      'dedupe: unknown option "windwo" (did you mean "window"?)',
    ],
    [{ ["x".repeat(100_000)]: 1 }, 'unknown option "xxx'],
  ])("is told with the valid ones: %o", async (options, text) => {
    const { message } = await rejectionOf(options);
    expect(message).toContain(text);
    expect(message.length).toBeLessThan(400);
  });

  test("of very many, the first are named", async () => {
    const options = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`key ${index}`, index]));
    const { message } = await rejectionOf(options);
    expect(message).toContain('"key 4" and 49,995 more: the options are');
    expect(message.length).toBeLessThan(400);
  });
});

describe("options that can't be read", () => {
  const hostile = [...TRAPS, ...PROXIES].map((build) => [String(build), build] as const);
  const names = ["id", "userId", "metadata", "delay", "priority", "attempts", "dedupe", "dependsOn", "tx"];

  test.each(hostile)("each option, and all: %s", async (_name, build) => {
    const queue = createQueue({ registry });
    const value = build();
    for (const options of [value, ...names.map((name) => ({ [name]: value }))]) {
      const error = await queue.send(message, {}, options as never).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (error === undefined) continue;
      expect(isQueueError(error), inspect(options, { depth: 0, customInspect: false })).toBe(true);
      expect((error as Error).message.length).toBeLessThan(700);
    }
    await queue.close();
  });

  test.each(hostile)("a message's definition: %s", (_name, build) => {
    const value = build();
    for (const definition of [value, { data: value }, { data: z.unknown(), retry: value, upcast: value }]) {
      expect(Array.isArray(defineMessage("PLAN", definition as never).problems)).toBe(true);
    }
  });

  test("a getter that throws is told as what it threw", async () => {
    const options = Object.defineProperty({}, "id", {
      enumerable: true,
      get: () => {
        throw new Error("no id yet");
      },
    });
    expect((await rejectionOf(options)).message).toBe("send: the options can't be read: no id yet");
  });
});

test("an error about something else than an object says what it takes", async () => {
  const expected = "expected an object: { id?, userId?, metadata?, delay?, priority?, … }, got a string";
  expect((await rejectionOf("soon")).message).toBe(`send: ${expected}`);
  expect((await rejectionOf({ dedupe: "k" })).message).toBe(
    "send: dedupe: expected an object: { key, window }, got a string",
  );
});
