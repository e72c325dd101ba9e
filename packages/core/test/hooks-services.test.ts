import { describe, expect, it } from "vitest";
import { createWorker, type Outbox, type Service, type ServiceHost } from "../src/index.ts";
import { forward, Gate, RecordingLogger, rejection, scan, setup } from "./runtime-support.ts";

/** A service that notes what becomes of it. */
class Recorder {
  readonly lines: string[] = [];
  readonly hosts: ServiceHost[] = [];
  #started = 0;

  async start(host: ServiceHost): Promise<Service> {
    const number = ++this.#started;
    this.hosts.push(host);
    this.lines.push(`start ${number}`);
    return { stop: async () => void this.lines.push(`stop ${number}`) };
  }
}

describe("a service", () => {
  it("starts with its worker and stops after the worker's jobs were settled", async () => {
    const { queue, start, settle } = setup();
    const service = new Recorder();
    const gate = new Gate();
    queue.use({
      start: (host) => service.start(host),
      settled: ({ outcome }) => service.lines.push(outcome),
    });
    expect(service.lines).toEqual([]);
    const worker = await start({ SCAN: () => gate.wait() });
    expect(service.lines).toEqual(["start 1"]);
    await queue.send(scan, forward);
    await settle();
    const stopping = worker.stop();
    await settle();
    expect(service.lines).toEqual(["start 1"]);
    gate.open();
    await stopping;
    expect(service.lines).toEqual(["start 1", "completed", "stop 1"]);
  });

  it("is given the queue, its engine and the worker's logger", async () => {
    const { queue, start, logger, flaky } = setup();
    const service = new Recorder();
    queue.use({ start: (host) => service.start(host) });
    await start({ SCAN: () => {} });
    expect(service.hosts[0]?.queue).toBe(queue);
    expect(service.hosts[0]?.engine).toBe(flaky.engine);
    service.hosts[0]?.logger.warn("The cache is cold.");
    expect(logger.lines).toEqual(["warn: The cache is cold."]);
  });

  it("runs beside each of several workers", async () => {
    const { queue, start } = setup();
    const service = new Recorder();
    queue.use({ start: (host) => service.start(host) });
    const first = await start({ SCAN: () => {} });
    const second = await start({ SCAN: () => {} });
    await first.stop();
    expect(service.lines).toEqual(["start 1", "start 2", "stop 1"]);
    await second.stop();
    expect(service.lines).toEqual(["start 1", "start 2", "stop 1", "stop 2"]);
  });

  it("that can't start is tried again, told once, and keeps no job waiting", async () => {
    const { queue, start, logger, clock } = setup();
    const service = new Recorder();
    let failures = 0;
    queue.use({
      start: async (host) => {
        if (failures < 3) throw new Error(`away ${++failures}`);
        return service.start(host);
      },
    });
    const worker = await start({ SCAN: () => {} });
    await queue.wait(await queue.send(scan, forward));
    expect(failures).toBe(1);
    await clock.advance(299);
    expect([failures, service.lines]).toEqual([2, []]);
    await clock.advance(401);
    expect([failures, service.lines]).toEqual([3, ["start 1"]]);
    expect(logger.lines).toEqual([
      "error: The service of a middleware couldn't start. The worker keeps trying.",
      "warn: The service of a middleware has started now.",
    ]);
    await worker.stop();
    expect(service.lines).toEqual(["start 1", "stop 1"]);
  });

  it("isn't tried any more once the worker stops", async () => {
    const { queue, start, clock } = setup();
    let starts = 0;
    queue.use({
      start: () => {
        starts++;
        throw new Error("away");
      },
    });
    const worker = await start({ SCAN: () => {} });
    await worker.stop();
    await clock.advance(60_000);
    expect(starts).toBe(1);
  });

  it("that is starting when the worker stops is stopped once it has started", async () => {
    const { queue, start, settle } = setup();
    const service = new Recorder();
    const gate = new Gate();
    queue.use({
      start: async (host) => {
        await gate.wait();
        return service.start(host);
      },
    });
    const worker = await start({ SCAN: () => {} });
    const stopping = worker.stop();
    await settle();
    gate.open();
    await stopping;
    expect(service.lines).toEqual(["start 1", "stop 1"]);
  });

  it("that hangs, or throws, at its stop is told and doesn't keep the worker", async () => {
    const { queue, start, logger, clock } = setup();
    queue
      .use({ start: async () => ({ stop: () => new Promise<void>(() => {}) }) })
      .use({ start: async () => ({ stop: () => Promise.reject(new Error("stuck")) }) });
    const worker = await start({ SCAN: () => {} });
    const stopping = worker.stop();
    await clock.advance(10_000);
    await stopping;
    expect(worker.stats().state).toBe("stopped");
    expect(logger.lines).toEqual([
      "error: The service of a middleware couldn't be stopped.",
      "error: The service of a middleware didn't stop within 10 seconds.",
    ]);
  });
});

describe("the outbox's relay", () => {
  const outboxOf = (relay: Recorder): Outbox => ({
    add: async () => {},
    start: (host) => relay.start(host),
  });

  it("is started by workers, unless they are told not to", async () => {
    const relay = new Recorder();
    const { queue } = setup({}, { outbox: outboxOf(relay) });
    const options = { logger: new RecordingLogger() };
    const without = createWorker(queue, { ...options, relay: false }).handle(scan, () => {});
    await without.start();
    await without.stop();
    expect(relay.lines).toEqual([]);
    const worker = createWorker(queue, options).handle(scan, () => {});
    await worker.start();
    expect(relay.hosts[0]?.queue).toBe(queue);
    await worker.stop();
    expect(relay.lines).toEqual(["start 1", "stop 1"]);
  });

  it("is asked for by a boolean", async () => {
    const { queue } = setup();
    const create = async () => createWorker(queue, { relay: "yes" as never });
    expect(await rejection(create())).toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("relay: expected boolean"),
    });
  });
});
