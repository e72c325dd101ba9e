import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  type JobGraph,
  reportFromWire,
  toWire,
} from "../src/index.ts";
import { phaseCreate, plan, planCreate, planResult, rejection, setup } from "./runtime-support.ts";

const ids = ({ nodes }: JobGraph) => nodes.map(({ id }) => id);
const distances = ({ nodes }: JobGraph) =>
  Object.fromEntries(nodes.map(({ id, distance }) => [id, distance]));
const arrows = ({ edges }: JobGraph) => edges.map(({ from, to }) => `${from}>${to}`).sort();

/** a > b > d > e, and a > c > d. */
async function diamond() {
  const test = setup();
  const { queue } = test;
  await queue.send(planCreate, plan("a"), { id: "a" });
  for (const [id, ...dependsOn] of [
    ["b", "a"],
    ["c", "a"],
    ["d", "b", "c"],
    ["e", "d"],
  ] as const) {
    await queue.send(planCreate, plan(id), { id, dependsOn: [...dependsOn] });
  }
  return test;
}

describe("queue.graph", () => {
  it("goes in both directions, the nearest first", async () => {
    const { queue } = await diamond();
    const graph = await queue.graph("b");
    expect(graph.root).toBe("b");
    expect(distances(graph)).toEqual({ b: 0, a: 1, d: 1, c: 2, e: 2 });
    expect(ids(graph)[0]).toBe("b");
    expect(arrows(graph)).toEqual(["a>b", "a>c", "b>d", "c>d", "d>e"]);
    expect(graph.truncated).toBe(false);
    expect(graph.edges.find(({ to }) => to === "e")).toEqual({
      ...{ from: "d", to: "e", onFailure: "cancel", pending: true, undecided: false },
    });
    const [b] = graph.nodes;
    expect(b).toMatchObject({
      state: "blocked",
      dependencies: 1,
      dependents: 1,
      job: { messageType: "PLAN_CREATE" },
    });
    expect(b!.job).not.toHaveProperty("data");
  });

  it("has jobs that have ended, and survives JSON", async () => {
    const { queue, start, settle } = await diamond();
    await start({ PLAN_CREATE: () => planResult() });
    await settle();
    const graph = await queue.graph("a");
    expect(graph.nodes.map(({ state }) => state)).toEqual(Array.from({ length: 5 }, () => "completed"));
    expect(arrows(graph)).toEqual(["a>b", "a>c", "b>d", "c>d", "d>e"]);
    expect(graph.edges.some(({ pending }) => pending)).toBe(false);
    expect(graph.nodes[0]!.dependents).toBe(2);
    expect(graph.nodes[0]!.job!.finishedAt).toBeInstanceOf(Date);
    expect(reportFromWire(JSON.parse(JSON.stringify(toWire(graph))))).toEqual(graph);
  });

  it("says when a bound has left jobs out", async () => {
    const { queue } = await diamond();
    expect(distances(await queue.graph("a", { depth: 1 }))).toEqual({ a: 0, b: 1, c: 1 });
    expect((await queue.graph("a", { depth: 1 })).truncated).toBe(true);
    expect((await queue.graph("a", { depth: 3 })).truncated).toBe(false);
    expect(ids(await queue.graph("a", { depth: 0 }))).toEqual(["a"]);
    const few = await queue.graph("a", { limit: 3 });
    expect(ids(few)).toEqual(["a", "b", "c"]);
    expect(arrows(few)).toEqual(["a>b", "a>c"]);
    expect(few.truncated).toBe(true);
    expect((await queue.graph("a", { limit: 5 })).truncated).toBe(false);
  });

  it("names some of many dependents, and counts all", async () => {
    const { queue } = setup();
    await queue.send(planCreate, plan(), { id: "a" });
    await queue.sendMany(
      Array.from({ length: 300 }, () => ({
        message: planCreate,
        data: plan(),
        options: { dependsOn: ["a"] },
      })),
    );
    const { nodes, edges, truncated } = await queue.graph("a");
    expect([nodes.length, edges.length, nodes[0]!.dependents, truncated]).toEqual([200, 199, 300, true]);
    expect((await queue.graph("a", { limit: 301 })).truncated).toBe(false);
  });

  it("asks the engine twice per distance, whatever the number of jobs", async () => {
    const { queue, flaky } = await diamond();
    const before = flaky.calls.length;
    await queue.graph("a");
    expect(flaky.calls.slice(before).map(({ method }) => method)).toEqual([
      "getSummaries",
      "edges",
      "getSummaries",
      "edges",
      "getSummaries",
      "edges",
      "getSummaries",
      "edges",
    ]);
  });

  it("names jobs that are gone, as their dependents remember them", async () => {
    const { queue, start, settle } = setup();
    const first = await queue.send(planCreate, plan(), { id: "first" });
    await queue.send(planCreate, plan(), { id: "second", dependsOn: [first] });
    await start({ PLAN_CREATE: () => planResult() });
    await settle();
    await queue.remove("first");
    const { nodes, edges } = await queue.graph("second");
    expect(nodes[1]).toEqual({
      id: "first",
      distance: 1,
      state: "completed",
      dependencies: 0,
      dependents: 0,
    });
    expect(edges).toHaveLength(1);
    const gone = await queue.graph("first");
    expect(gone.nodes).toEqual([{ ...nodes[1], distance: 0 }]);
    expect((await rejection(queue.graph("nowhere"))).code).toBe("JOB_NOT_FOUND");
  });

  it("refuses options out of their bounds", async () => {
    const { queue } = setup();
    for (const options of [{ depth: -1 }, { depth: 101 }, { limit: 0 }, { limit: 1_001 }]) {
      expect((await rejection(queue.graph("a", options))).code).toBe("INVALID_OPTIONS");
    }
  });

  it("is typed by message", async () => {
    const { queue } = setup();
    const job = await queue.send(phaseCreate, { planId: "p1", index: 0 });
    const { nodes } = await queue.graph(job);
    const messageType: "PLAN_CREATE" | "PHASE_CREATE" | "SCAN" = nodes[0]!.job!.messageType;
    expect(messageType).toBe("PHASE_CREATE");
  });

  it("has the docstring's example", async () => {
    const step = defineMessage("STEP", { data: z.object({}) });
    const queue = createQueue({ registry: createRegistry([step]) });
    const worker = createWorker(queue).handle(step, () => undefined);
    const plan = await queue.send(step, {}, { id: "plan" });
    await queue.send(step, {}, { id: "phase", dependsOn: [plan] });
    const lines: string[] = [];
    const { edges } = await queue.graph(plan, { depth: 3 });
    for (const { from, to, pending } of edges) if (pending) lines.push(`${to} waits for ${from}`);
    expect(lines).toEqual(["phase waits for plan"]);
    await worker.stop();
    await queue.close();
  });
});
