import { describe, expect, it } from "vitest";
import { createQueue, memoryEngine, type Queue } from "../src/index.ts";
import { alterEngine } from "../src/testing/index.ts";
import { type Messages, plan, planCreate, registry, setup } from "./runtime-support.ts";

/** A queue whose engine answers after a turn of the event loop, as a server's does, and how many sends each call had. */
function onServer(): { queue: Queue<Messages>; sizes: number[] } {
  const engine = memoryEngine();
  const sizes: number[] = [];
  const remote = alterEngine(engine, {
    core: {
      async enqueue(batches) {
        sizes.push(batches.length);
        await new Promise((resolve) => setImmediate(resolve));
        return engine.core.enqueue(batches);
      },
    },
  });
  return {
    queue: createQueue({ registry, engine: Object.create(remote, { embedded: { value: false } }) }),
    sizes,
  };
}

describe("a send", () => {
  it("shares one call to the engine with the other sends of its event-loop turn", async () => {
    const { queue, flaky } = setup();
    const handles = await Promise.all(
      Array.from({ length: 20 }, (_, n) => queue.send(planCreate, plan(`p${n}`))),
    );
    expect(flaky.count("enqueue")).toBe(1);
    expect(new Set(handles.map(({ id }) => id)).size).toBe(20);
  });

  it("shares one call with the sends of all who waited for the same answer", async () => {
    const { queue, flaky } = setup();
    const lane = async () => {
      for (let n = 0; n < 5; n++) await queue.send(planCreate, plan());
    };
    await Promise.all(Array.from({ length: 80 }, lane));
    const sizes = flaky.calls.map(({ args }) => (args[0] as readonly unknown[]).length);
    expect(sizes).toEqual([80, 80, 80, 80, 80]);
  });

  it("shares calls in the same way to an engine on a server", async () => {
    const { queue, sizes } = onServer();
    const lane = async () => {
      for (let n = 0; n < 5; n++) await queue.send(planCreate, plan());
    };
    await Promise.all(Array.from({ length: 80 }, lane));
    expect(sizes).toEqual([80, 80, 80, 80, 80]);
  });

  it("doesn't wait for its turn's end while an engine on a server has nothing to do", async () => {
    const { queue, sizes } = onServer();
    const first = queue.send(planCreate, plan());
    await Promise.resolve();
    expect(sizes).toEqual([1]);
    const others = [
      queue.send(planCreate, plan()),
      Promise.resolve().then(() => queue.send(planCreate, plan())),
    ];
    await first;
    await Promise.all(others);
    expect(sizes).toEqual([1, 2]);
  });

  it("lets the event loop turn between the sends of a loop, also on an engine without a server", async () => {
    const { queue } = setup();
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    for (let n = 0; n < 1_000 && turns === 0; n++) await queue.send(planCreate, plan());
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  it("doesn't wait for its turn's end when there are a hundred to send", async () => {
    const { queue, flaky } = setup();
    const sends = Array.from({ length: 250 }, () => queue.send(planCreate, plan()));
    const sizes = () => flaky.calls.map(({ args }) => (args[0] as readonly unknown[]).length);
    expect(sizes()).toEqual([100, 100]);
    await Promise.all(sends);
    expect(sizes()).toEqual([100, 100, 50]);
  });

  it("says that an id is new only in the first call with it", async () => {
    const engine = memoryEngine();
    const marks: boolean[][] = [];
    const failing = alterEngine(engine, {
      core: {
        async enqueue(batches) {
          marks.push(batches.map(({ jobs }) => jobs.some(({ hasNewId }) => hasNewId === true)));
          const outcomes = await engine.core.enqueue(batches);
          if (batches.length > 1) throw new Error("The answer was lost");
          return outcomes;
        },
      },
    });
    const queue = createQueue({ registry, engine: failing });
    const sent = await Promise.all([
      queue.send(planCreate, plan()),
      queue.send(planCreate, plan()),
      queue.send(planCreate, plan(), { id: "given" }),
    ]);
    expect(sent.map(({ created }) => created)).toEqual([false, false, false]);
    expect(marks).toEqual([[true, true, false], [false], [false], [false]]);
    await queue.close();
  });
});
