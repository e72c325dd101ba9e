import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { decodeData } from "../src/contract/payload.ts";
import { createQueue, createRegistry, defineMessage, memoryEngine } from "../src/index.ts";
import { FakeClock } from "../src/testing/index.ts";
import { phaseCreate, RecordingLogger, registry, rejection, scan, setup } from "./runtime-support.ts";

/** What a callback may do that it shouldn't. Each has a text that its log line ends in. */
const faults: readonly [name: string, fault: () => unknown][] = [
  [
    "throws",
    () => {
      throw new Error("down");
    },
  ],
  ["rejects", () => Promise.reject(new Error("down"))],
  ["rejects with a revoked proxy", () => Promise.reject(revoked())],
  // biome-ignore lint/suspicious/noThenProperty: what a callback returns may be any promise
  ["returns a thenable that rejects", () => ({ then: (_: unknown, no: (error: unknown) => void) => no(0) })],
  ["returns a proxy that throws", () => revoked()],
  ["never settles", () => new Promise(() => {})],
];

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const unhandled: unknown[] = [];
const onUnhandled = (error: unknown) => unhandled.push(error);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", onUnhandled);
});
afterEach(async () => {
  // Unhandled rejections are reported after the microtasks.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", onUnhandled);
  vi.restoreAllMocks();
  expect(unhandled).toEqual([]);
});

describe.each(faults)("a callback that %s", (name, fault) => {
  const isLogged = name !== "never settles";

  it("as a listener of the queue is logged once, and the others are called", async () => {
    const logger = new RecordingLogger();
    const { queue, settle } = setup({}, { logger });
    const events: string[] = [];
    await queue.subscribe(fault as () => void);
    await queue.subscribe(({ type }) => events.push(type));
    await queue.send(phaseCreate, { planId: "p1", index: 0 });
    await queue.send(phaseCreate, { planId: "p2", index: 0 });
    await settle();
    expect(events).toEqual(["queued", "queued"]);
    expect(logger.lines).toEqual(
      isLogged
        ? [
            "error: A listener of the queue threw or rejected. This is logged once, and the function is still called.",
          ]
        : [],
    );
  });

  it("as a listener of the engine is logged once by the queue's logger", async () => {
    const logger = new RecordingLogger();
    const { queue, flaky, settle } = setup({}, { logger });
    await flaky.engine.events.subscribe({ onEvent: fault as () => void });
    await queue.send(phaseCreate, { planId: "p1", index: 0 });
    await queue.send(phaseCreate, { planId: "p2", index: 0 });
    await settle();
    expect(logger.lines).toHaveLength(isLogged ? 1 : 0);
  });

  it("as a logger has its lines written on the console, and its failure once", async () => {
    const lines: string[] = [];
    vi.spyOn(console, "error").mockImplementation((line) => void lines.push(line));
    const logger = { warn: fault, error: fault } as never;
    const { queue, settle } = setup({}, { logger });
    for (const text of ["first", "second"]) {
      await queue.subscribe(() => {
        throw new Error(text);
      });
    }
    await queue.send(phaseCreate, { planId: "p1", index: 0 });
    await settle();
    await new Promise((resolve) => setImmediate(resolve));
    const line =
      "@org/queue: A listener of the queue threw or rejected. This is logged once, and the function is still called.";
    if (!isLogged) expect(lines).toEqual([]);
    else {
      expect(lines).toHaveLength(3);
      expect(lines).toContain(`${line} first`);
      expect(lines).toContain(`${line} second`);
      expect(lines.join()).toContain("@org/queue: The logger failed; this is reported once.");
    }
  });

  it("as a hook of a middleware doesn't stop the job", async () => {
    const { queue, start, settle, logger } = setup();
    queue.use({ settled: fault as () => void, progress: fault as () => void });
    await start({ SCAN: ({ progress }) => progress({ scanned: 1 }) });
    const handle = await queue.send(scan, { channel: "general", direction: "forward" });
    await settle();
    expect((await queue.get(handle))?.state).toBe("completed");
    expect(logger.lines).toHaveLength(isLogged ? 2 : 0);
  });
});

describe("the logger", () => {
  it("of a queue is its workers' too, unless a worker has its own", async () => {
    const logger = new RecordingLogger();
    const { start } = setup({}, { logger });
    await start({ SCAN: () => {} }, { queues: ["plans"], logger: undefined });
    expect(logger.lines.length).toBeGreaterThan(0);
    const own = new RecordingLogger();
    await start({ SCAN: () => {} }, { queues: ["plans"], logger: own });
    expect(own.lines).toEqual(logger.lines);
  });

  it("is the console by default, and its lines carry the package's name", async () => {
    const lines: unknown[][] = [];
    vi.spyOn(console, "error").mockImplementation((...line) => void lines.push(line));
    const clock = new FakeClock();
    const queue = createQueue({ registry, engine: memoryEngine({ clock }), clock });
    const error = new Error("down");
    await queue.subscribe(() => {
      throw error;
    });
    await queue.send(phaseCreate, { planId: "p1", index: 0 });
    await clock.advance(0);
    expect(lines).toEqual([
      [
        "@org/queue: A listener of the queue threw or rejected. This is logged once, and the function is still called.",
        error,
      ],
    ]);
  });

  it("must have both methods", () => {
    for (const logger of [{}, { warn() {} }, "console", null]) {
      expect(() => createQueue({ registry, logger: logger as never })).toThrow(/logger: expected/);
    }
  });
});

describe("a function of a message that must be synchronous", () => {
  const rejects = () => Promise.reject(new Error("down"));
  const data = z.object({ planId: z.string() });

  it("as orderingKey is refused with INVALID_DATA", async () => {
    const keyed = defineMessage("KEYED", { data, orderingKey: rejects as never });
    const queue = createQueue({ registry: createRegistry([keyed]) });
    const error = await rejection(queue.send(keyed, { planId: "p1" }));
    expect(error).toMatchObject({ code: "INVALID_DATA", issues: [{ path: "orderingKey" }] });
    await queue.close();
  });

  it("as upcast is refused with INVALID_DATA", () => {
    const upcast = defineMessage("UPCAST", { version: 2, data, upcast: { 1: rejects } });
    expect(() => decodeData(upcast, 1, '{"planId":"p1"}')).toThrow(/must not be async/);
    const thrown = defineMessage("UPCAST", {
      version: 2,
      data,
      upcast: {
        1: () => {
          throw revoked();
        },
      },
    });
    expect(() => decodeData(thrown, 1, '{"planId":"p1"}')).toThrow(/UPCAST from version 1 threw/);
  });
});
