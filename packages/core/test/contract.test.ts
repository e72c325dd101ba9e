import { describe, expect, test } from "vitest";
import * as z from "zod";
import { formatDuration } from "../src/contract/duration.ts";
import {
  createRegistry,
  DEFAULT_LIMITS,
  defineMessage,
  isQueueError,
  parseDuration,
  QueueError,
} from "../src/contract/index.ts";
import { findProblems } from "../src/contract/message-problems.ts";

async function errorOf(run: () => unknown): Promise<QueueError> {
  try {
    await run();
  } catch (error) {
    if (isQueueError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("defineMessage", () => {
  test("resolves every policy to its documented default", () => {
    const message = defineMessage("PLAN", { data: z.object({}) });
    expect(message).toMatchObject({
      name: "PLAN",
      version: 1,
      queue: "default",
      priority: 0,
      onOrderingFailure: "continue",
      attempts: 3,
      backoff: { type: "exponential", delay: 2_000, maxDelay: 3_600_000, jitter: 0 },
      timeout: undefined,
      maxStalls: 3,
      retain: {
        completed: { age: 3_600_000, count: 1_000 },
        failed: { age: 7 * 86_400_000, count: 10_000 },
      },
      limits: DEFAULT_LIMITS,
      problems: [],
    });
    expect(message.orderingKey({})).toBe(undefined);
    expect(Object.isFrozen(message)).toBe(true);
  });

  test("takes durations as text and resolves them to milliseconds", () => {
    const message = defineMessage("PLAN", {
      data: z.object({}),
      timeout: "15m",
      retry: { attempts: 5, backoff: { type: "fixed", delay: "500ms", maxDelay: "1m", jitter: 0.5 } },
      retain: { completed: { age: "2d" }, failed: { count: 7 } },
    });
    expect(message).toMatchObject({
      attempts: 5,
      timeout: 900_000,
      backoff: { type: "fixed", delay: 500, maxDelay: 60_000, jitter: 0.5 },
      retain: { completed: { age: 172_800_000, count: 1_000 }, failed: { age: 7 * 86_400_000, count: 7 } },
    });
  });

  test.each<[string, string, object, RegExp]>([
    ["a name with a space", "MY PLAN", {}, /name must match/],
    ["an empty name", "", {}, /name must match/],
    ["a name of 65 characters", "x".repeat(65), {}, /name must match/],
    ["an unknown option", "PLAN", { retires: 3 }, /unknown option "retires"/],
    ["an unknown nested option", "PLAN", { retry: { attempt: 3 } }, /retry: unknown option "attempt"/],
    ["a bad queue name", "PLAN", { queue: "a/b" }, /queue/],
    ["a fractional priority", "PLAN", { priority: 1.5 }, /priority/],
    ["a priority below 0", "PLAN", { priority: -1 }, /priority: must be at least 0/],
    ["a priority above 1000", "PLAN", { priority: 1_001 }, /priority: must be at most 1000/],
    ["no attempts", "PLAN", { retry: { attempts: 0 } }, /retry.attempts: must be at least 1/],
    ["a timeout of 0", "PLAN", { timeout: 0 }, /timeout/],
    ["a duration without a unit", "PLAN", { timeout: "15" }, /timeout: expected milliseconds/],
    ["jitter above 1", "PLAN", { retry: { backoff: { type: "fixed", delay: 1, jitter: 2 } } }, /jitter/],
    ["a cap above 16 MB", "PLAN", { limits: { data: 2 ** 25 } }, /limits.data/],
    ["no data schema", "PLAN", { data: undefined }, /data: expected a schema/],
    ["a data schema that isn't one", "PLAN", { data: { type: "object" } }, /data: expected a schema/],
    ["an ordering key that isn't a function", "PLAN", { orderingKey: "planId" }, /orderingKey/],
    ["an upcast from the current version", "PLAN", { upcast: { 1: (v: unknown) => v } }, /upcast.1/],
    ["a gap in the upcasts", "PLAN", { version: 4, upcast: { 1: String, 3: String } }, /upcast.2 is missing/],
    [
      "a date that JSON can't carry",
      "PLAN",
      { data: z.object({ at: z.date() }) },
      /data.at: JSON can't carry/,
    ],
    ["a bigint", "PLAN", { data: z.object({ n: z.bigint() }) }, /data.n: JSON can't carry a bigint/],
    [
      "a coerced bigint",
      "PLAN",
      { data: z.object({ n: z.coerce.bigint() }) },
      /data.n: JSON can't carry a bigint/,
    ],
    ["a one-way transform", "PLAN", { result: z.string().transform(Number) }, /result: .transform\(\)/],
  ])("notices %s, without throwing", (_what, name, definition, problem) => {
    const message = defineMessage(name, { data: z.object({}), ...definition } as never);
    expect(findProblems(message).join("\n")).toMatch(problem);
  });

  test("follows recursive schemas, and finds what is wrong deep inside", () => {
    const node = z.object({
      at: z.date(),
      get children() {
        return z.array(node);
      },
    });
    const problems = findProblems(defineMessage("TREE", { data: node }));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/data.at: JSON can't carry a date/);
  });
});

describe("createRegistry", () => {
  const plan = defineMessage("PLAN", { data: z.object({}), queue: "workouts" });
  const phase = defineMessage("PHASE", { data: z.object({}), queue: "workouts" });
  const mail = defineMessage("MAIL", { data: z.object({}), queue: "mails" });

  test("knows its messages by name, and their queues", () => {
    const registry = createRegistry([plan, phase, mail]);
    expect(registry.messages).toEqual([plan, phase, mail]);
    expect(registry.queues).toEqual(["workouts", "mails"]);
    expect(registry.get("PLAN")).toBe(plan);
    expect(registry.get("NOWHERE")).toBe(undefined);
    expect(registry.has(plan)).toBe(true);
    expect(registry.has(defineMessage("PLAN", { data: z.object({}) }))).toBe(false);
  });

  test.each([
    ["undefined, as a circular import leaves it", [undefined], /0: expected a message .* circular import/],
    ["an object that is no message", [plan, {}], /1: expected a message or a registry/],
    ["a message outside a list", plan, /has a problem:\n {2}- expected a list of messages/],
  ])("refuses %s", (_what, items, problem) => {
    expect(() => createRegistry(items as never)).toThrow(problem);
  });

  test("takes schemas that are functions, as ArkType's are", () => {
    const text = Object.assign(() => undefined, { "~standard": z.string()["~standard"] });
    expect(findProblems(defineMessage("TEXT", { data: text }))).toEqual([]);
  });

  test("composes registries, and the same message may come by two ways", () => {
    const registry = createRegistry([createRegistry([plan, mail]), createRegistry([phase, mail]), plan]);
    expect(registry.messages.map(({ name }) => name)).toEqual(["PLAN", "MAIL", "PHASE"]);
  });

  test("isn't fooled by names of an object's own methods", () => {
    const registry = createRegistry([plan]);
    for (const name of ["constructor", "__proto__", "toString"]) expect(registry.get(name)).toBe(undefined);
  });

  test("lists every problem of every message, and every collision by name, at once", async () => {
    const error = await errorOf(() =>
      createRegistry([
        plan,
        defineMessage("PLAN", { data: z.object({}) }),
        defineMessage("BAD NAME", { data: z.object({ at: z.date() }), priority: -1 } as never),
        createRegistry([mail]),
        defineMessage("MAIL", { data: z.object({}) }),
      ]),
    );
    expect(error.code).toBe("INVALID_CONTRACT");
    const problems = error.issues.map(({ path, message }) => `${path}: ${message}`);
    expect(problems.filter((problem) => problem.includes("another message has the same name"))).toEqual([
      "PLAN: another message has the same name",
      "MAIL: another message has the same name",
    ]);
    expect(problems.filter((problem) => problem.startsWith("BAD NAME: ")).length).toBeGreaterThanOrEqual(2);
    for (const { message } of error.issues) expect(error.message).toContain(message);
  });

  test("lists problems of a definition together with those of its schemas, versions and paths", async () => {
    const bad = defineMessage("BAD", {
      data: z.object({ at: z.date() }),
      result: z.object({ n: z.string() }),
      priority: -1,
      prio: 1,
      version: 3,
      upcast: { 1: (data: unknown) => data },
      searchable: ["nr"],
      sensitive: { progress: true },
    } as never);
    const { issues } = await errorOf(() => createRegistry([bad]));
    expect(issues.map(({ message }) => message)).toEqual([
      expect.stringContaining("priority: must be at least 0"),
      expect.stringContaining('unknown option "prio"'),
      expect.stringContaining("upcast.2 is missing"),
      expect.stringMatching(/^data\.at: .*date/),
      "sensitive.progress: the message has no progress",
      'searchable.0: the schema of data has no "nr"',
    ]);
    // Too many to list all.
    const endless = Object.fromEntries(Array.from({ length: 30 }, (_, step) => [`v${step}`, step]));
    const worse = defineMessage("WORSE", { data: z.object({}), upcast: endless } as never);
    expect((await errorOf(() => createRegistry([worse]))).code).toBe("INVALID_CONTRACT");
  });

  test("lists the problems of a registry inside a registry no more than once", async () => {
    const bad = defineMessage("BAD", { data: z.object({}), priority: -1 });
    const error = await errorOf(() => createRegistry([bad, bad]));
    expect(error.issues).toHaveLength(1);
  });
});

test("a duration is worded in the largest unit that divides it evenly", () => {
  const told = [0, 250, 1_500, 30_000, 90_000, 5_400_000, 7_200_000, 86_400_000].map(formatDuration);
  expect(told).toEqual(["0 ms", "250 ms", "1500 ms", "30 s", "90 s", "90 min", "2 h", "1 d"]);
});

describe("parseDuration", () => {
  test.each([
    [0, 0],
    [1_500, 1_500],
    [1.4, 1],
    ["500ms", 500],
    ["2s", 2_000],
    ["1.5s", 1_500],
    ["15m", 900_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
    ["3650d", 315_360_000_000],
  ])("%j is %d ms", (value, milliseconds) => {
    expect(parseDuration(value)).toBe(milliseconds);
  });

  test.each([
    [-1],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [315_360_000_001],
    ["3651d"],
    ["15"],
    ["m"],
    ["-1s"],
    ["1 s"],
    ["1s "],
    ["1S"],
    ["1e3ms"],
    ["0x10s"],
    ["1.s"],
    [`${"9".repeat(400)}d`],
    [null],
    [undefined],
    [{}],
    [[1]],
    [true],
    [1n],
  ])("%o isn't a duration", (value) => {
    expect(parseDuration(value)).toBe(undefined);
  });
});

describe("errors", () => {
  test("are recognised by their brand, also from another copy of the package", () => {
    const error = new QueueError("INVALID_DATA", "wrong");
    expect(isQueueError(error)).toBe(true);
    expect(isQueueError(error, "INVALID_DATA")).toBe(true);
    expect(isQueueError(error, "CLOSED")).toBe(false);
    const copy = Object.assign(new Error("wrong"), {
      code: "INVALID_DATA",
      [Symbol.for("@org/queue/error")]: true,
    });
    expect(isQueueError(copy, "INVALID_DATA")).toBe(true);
    for (const other of [undefined, null, "INVALID_DATA", new Error("wrong"), { code: "INVALID_DATA" }]) {
      expect(isQueueError(other)).toBe(false);
    }
  });
});
