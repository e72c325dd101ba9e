import { beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  memoryEngine,
  type Outbox,
} from "../src/index.ts";
import { FakeClock } from "../src/testing/index.ts";
import { FlakyEngine, Gate, type Overrides, RecordingLogger, rejection } from "./runtime-support.ts";

const nothing = z.object({});
let count = 0;

/** A cause is reported once per process, so each test has queues of its own. */
function setup(overrides: Overrides = {}) {
  const name = `q${++count}`;
  const first = defineMessage("FIRST", { data: nothing, queue: name, retry: { attempts: 1 } });
  const second = defineMessage("SECOND", { data: nothing, queue: name });
  const ordered = defineMessage("ORDERED", {
    data: nothing,
    queue: `${name}-ordered`,
    retry: { attempts: 1 },
    orderingKey: () => "a",
    onOrderingFailure: "hold",
  });
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const flaky = new FlakyEngine(memoryEngine({ clock }), overrides);
  const outbox: Outbox = { add: async () => {}, start: async () => ({ stop: async () => {} }) };
  const registry = createRegistry([first, second, ordered]);
  const queue = createQueue({ registry, engine: flaky.engine, clock, logger, outbox });
  const pass = async (milliseconds: number) => {
    await clock.advance(milliseconds);
    await clock.advance(0);
  };
  return { name, first, second, ordered, clock, logger, flaky, queue, pass };
}

describe("a wait that nothing will end", () => {
  it("is logged after three seconds when no worker serves the queue, once for all who wait", async () => {
    const { name, first, queue, logger, pass } = setup();
    const jobs = [await queue.send(first, {}), await queue.send(first, {})];
    for (const job of jobs) void job.wait().catch(() => {});
    await pass(2_999);
    expect(logger.lines).toEqual([]);
    await pass(1);
    await pass(600_000);
    expect(logger.lines).toEqual([
      `warn: wait() waits for the job ${jobs[0]!.id}, and nothing will move it by itself. ` +
        `No live worker serves the queue ${name}. Start a worker that handles FIRST. The job stays queued until then.`,
    ]);
    await queue.close();
  });

  it("is logged when live workers of the queue don't handle the message", async () => {
    const { name, first, second, queue, logger, pass } = setup();
    const workers = [1, 2].map(() =>
      createWorker(queue, { logger: new RecordingLogger() }).handle(second, () => {}),
    );
    await Promise.all(workers.map((worker) => worker.start()));
    void (await queue.send(first, {})).wait().catch(() => {});
    await pass(3_000);
    expect(logger.lines).toEqual([
      expect.stringContaining(
        `None of the 2 live workers of the queue ${name} handles FIRST. Add a handler for FIRST, or start a worker`,
      ),
    ]);
    await Promise.all(workers.map((worker) => worker.stop()));
    await queue.close();
  });

  it("is logged when no job of the queue was started for a minute, where the engine lists no workers", async () => {
    const { name, first, queue, logger, pass } = setup({ without: ["workers"] });
    void (await queue.send(first, {})).wait().catch(() => {});
    await pass(3_000);
    expect(logger.lines).toEqual([
      expect.stringContaining(
        `It is ready, one of 1 in the queue ${name}, where no job is running and none was started for a minute ` +
          "or more. Start a worker that handles FIRST and serves this queue.",
      ),
    ]);
    await queue.close();
  });

  it("is logged when the queue is paused", async () => {
    const { name, first, queue, logger, pass } = setup();
    await queue.pause(name);
    void (await queue.send(first, {})).wait().catch(() => {});
    await pass(3_000);
    expect(logger.lines).toEqual([expect.stringContaining(`\`queue.resume("${name}")\``)]);
    await queue.close();
  });

  it("is logged when a failed dependency holds the job", async () => {
    const { first, second, queue, logger, pass } = setup();
    const parent = await queue.send(first, {});
    const child = await queue.send(second, {}, { dependsOn: [{ job: parent, onFailure: "hold" }] });
    await queue.cancel(parent);
    void child.wait().catch(() => {});
    await pass(3_000);
    expect(logger.lines).toEqual([expect.stringContaining(`It is held: the job ${parent.id}`)]);
    await queue.close();
  });

  it("is logged when a failed job holds the ordering key, and WAIT_TIMEOUT says so", async () => {
    const { ordered, queue, logger, pass } = setup();
    const [failing, next] = [await queue.send(ordered, {}), await queue.send(ordered, {})];
    const worker = createWorker(queue, { logger: new RecordingLogger() }).handle(ordered, () => {
      throw new Error("broken");
    });
    await worker.start();
    await pass(0);
    const [silent, limited] = [next.wait(), rejection(next.wait({ timeout: "4s" }))];
    void silent.catch(() => {});
    await pass(4_000);
    const held = `It is held: the job ${failing.id} ahead of it in the ordering key "a" has failed`;
    expect(logger.lines).toEqual([expect.stringMatching(`nothing will move it by itself. ${held}`)]);
    expect((await limited).message).toContain(`It goes on. ${held}`);
    await worker.stop();
    await queue.close();
  });

  it("is logged when the job was given back again and again, and WAIT_TIMEOUT says so", async () => {
    const { first, second, queue, logger, pass } = setup({ features: { selectiveClaims: false } });
    const worker = createWorker(queue, { logger: new RecordingLogger() }).handle(second, () => {});
    await worker.start();
    const job = await queue.send(first, {});
    void job.wait().catch(() => {});
    const limited = rejection(job.wait({ timeout: "2s" }));
    for (let second = 0; second < 2; second++) await pass(1_000);
    expect((await limited).message).toMatch(/No worker of its queue that claimed it handles FIRST .*2 times/);
    expect(logger.lines).toEqual([]);
    for (let second = 0; second < 8; second++) await pass(1_000);
    expect(logger.lines).toEqual([
      expect.stringMatching(/nothing will move it by itself\. No worker .*4 times/),
    ]);
    await worker.stop();
    await queue.close();
  });

  it("is logged when the engine doesn't know the job, once that has lasted three seconds", async () => {
    const { first, queue, logger, pass } = setup();
    const known = await queue.send(first, {}, { delay: "1h" });
    void known.wait().catch(() => {});
    await pass(2_999);
    const job = await queue.send(first, {}, { tx: {} });
    const limited = rejection(job.wait({ timeout: 1_500 }));
    const silent = rejection(job.wait());
    await pass(1_500);
    const unknown =
      "The engine doesn't know this job: its transaction hasn't committed, was rolled back, or the relay hasn't " +
      "moved it yet.";
    expect((await limited).message).toBe(`The job ${job.id} didn't end within 1500 ms. ${unknown}`);
    expect(logger.lines).toEqual([]);
    for (let second = 0; second < 62; second++) await pass(1_000);
    expect(logger.lines).toEqual([`warn: wait() waits for the job ${job.id}. ${unknown}`]);
    expect(await silent).toMatchObject({
      code: "JOB_NOT_FOUND",
      message: expect.stringContaining(unknown),
    });
    await queue.close();
  });

  it("is logged when the engine is away, and WAIT_TIMEOUT says so", async () => {
    const { first, queue, logger, flaky, pass } = setup();
    const job = await queue.send(first, {});
    flaky.fail("get", "subscribe");
    void job.wait().catch(() => {});
    const limited = rejection(job.wait({ timeout: "1s" }));
    await pass(3_000);
    const away = "Its state isn't known: get: connection lost.";
    expect((await limited).message).toBe(`The job ${job.id} didn't end within 1000 ms. ${away}`);
    expect(logger.lines).toEqual([`warn: wait() waits for the job ${job.id}. ${away}`]);
    flaky.mend();
    flaky.hang("get");
    const unanswered = rejection(job.wait({ timeout: "1s" }));
    await pass(2_000);
    expect((await unanswered).message).toContain("Its state isn't known: The engine didn't answer within");
    flaky.mend();
    await queue.close();
  });

  it("gets the ending when that came without an event", async () => {
    const { first, queue, flaky, pass } = setup();
    const job = await queue.send(first, {});
    flaky.hang("subscribe");
    const limited = rejection(job.wait({ timeout: "1s" }));
    await queue.cancel(job);
    await pass(1_000);
    expect(await limited).toMatchObject({ code: "JOB_CANCELLED" });
    flaky.mend();
    await queue.close();
  });

  it("isn't logged while the job runs, is scheduled, waits behind another, or is taken soon", async () => {
    const { first, second, queue, logger, pass } = setup();
    const gate = new Gate();
    const worker = createWorker(queue, { concurrency: 1, prefetch: 0 }).handle(first, () => gate.wait());
    worker.handle(second, () => {});
    await worker.start();
    const running = await queue.send(first, {});
    const behind = await queue.send(second, {});
    const blocked = await queue.send(second, {}, { dependsOn: [running] });
    const scheduled = await queue.send(second, {}, { delay: "1h" });
    const ended = [running, behind, blocked, scheduled].map((job) => job.wait());
    await pass(60_000);
    gate.open();
    await pass(3_600_000);
    await Promise.all(ended);
    expect(logger.lines).toEqual([]);
    await worker.stop();
    await queue.close();
  });

  it("says why when its time is over, whatever the reason", async () => {
    const { first, second, queue, pass } = setup();
    const parent = await queue.send(first, {}, { delay: "1h" });
    const child = await queue.send(second, {}, { dependsOn: [parent] });
    const [waiting, behind] = [
      rejection(parent.wait({ timeout: 50 })),
      rejection(child.wait({ timeout: 50 })),
    ];
    await pass(50);
    expect(await waiting).toMatchObject({
      code: "WAIT_TIMEOUT",
      message: expect.stringMatching(/didn't end within 50 ms\. It goes on\. It may start from/),
    });
    expect((await behind).message).toContain(`It waits for the job ${parent.id}, which is scheduled`);
    await queue.close();
  });
});

describe("the embedded engine", () => {
  beforeEach(() => () => vi.unstubAllEnvs());

  it("is warned of once in production, where createQueue chose it by itself", async () => {
    const { first } = setup();
    const registry = createRegistry([first]);
    const logger = new RecordingLogger();
    vi.stubEnv("NODE_ENV", "production");
    vi.stubEnv("NEXT_PHASE", "phase-production-build");
    await createQueue({ registry, logger }).close();
    vi.stubEnv("NEXT_PHASE", undefined);
    await createQueue({ registry, logger, engine: memoryEngine() }).close();
    expect(logger.lines).toEqual([]);
    await createQueue({ registry, logger }).close();
    await createQueue({ registry, logger }).close();
    expect(logger.lines).toEqual([expect.stringContaining("set REDIS_URL")]);
  });

  it("says how many unfinished jobs it drops when it closes with the queue", async () => {
    const { first, queue, logger } = setup();
    const job = await queue.send(first, {});
    await queue.send(first, {}, { delay: "1h" });
    await queue.send(first, {}, { dependsOn: [job] });
    await queue.cancel(await queue.send(first, {}));
    await queue.close();
    expect(logger.lines).toEqual([
      expect.stringContaining("closed with 3 unfinished jobs on the embedded engine"),
    ]);
  });

  it("drops nothing silently when another queue goes on with it", async () => {
    const { first } = setup();
    const [engine, logger, registry] = [memoryEngine(), new RecordingLogger(), createRegistry([first])];
    const [one, other] = [
      createQueue({ registry, engine, logger }),
      createQueue({ registry, engine, logger }),
    ];
    await one.send(first, {});
    await one.close();
    expect(logger.lines).toEqual([]);
    await other.close();
    expect(logger.lines).toHaveLength(1);
  });
});
