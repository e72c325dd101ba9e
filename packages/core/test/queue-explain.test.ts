import { describe, expect, it } from "vitest";
import { UnrecoverableError } from "../src/index.ts";
import { Gate, phaseCreate, plan, planCreate, setup } from "./runtime-support.ts";

describe("explain", () => {
  it("says what a blocked job waits for", async () => {
    const { queue } = setup();
    const created = await queue.send(planCreate, plan());
    const phase = await queue.send(phaseCreate, { planId: "p1", index: 0 }, { dependsOn: [created] });
    const next = await queue.send(phaseCreate, { planId: "p1", index: 1 });

    const blocked = await queue.explain(phase);
    expect(blocked).toMatchObject({
      state: "blocked",
      reasons: [{ kind: "dependency", job: created.id, state: "queued", onFailure: "cancel", held: false }],
    });
    expect(blocked.summary).toContain(`waits for the job ${created.id}, which is queued`);
    expect((await queue.explain(created)).dependents).toEqual([phase.id]);
    expect((await queue.explain(next)).reasons).toMatchObject([
      { kind: "ordering-key", key: "p1", behind: phase.id },
    ]);
  });

  it("ends the sentence about an error once", async () => {
    const { queue, start, settle } = setup();
    await start({
      PLAN_CREATE: () => {
        throw new UnrecoverableError("The coach is gone.");
      },
    });
    const created = await queue.send(planCreate, plan());
    await settle();
    expect((await queue.explain(created)).summary).toMatch(/: The coach is gone\.$/);
  });

  it("says that a job is held by the policy of a dependency that failed", async () => {
    const { queue, start, settle } = setup();
    await start({
      PLAN_CREATE: () => {
        throw new UnrecoverableError("no");
      },
    });
    const created = await queue.send(planCreate, plan());
    const held = await queue.send(planCreate, plan("p2"), {
      dependsOn: [{ job: created, onFailure: "hold" }],
    });
    await settle();
    expect(await queue.explain(held)).toMatchObject({
      reasons: [{ kind: "dependency", held: true, state: "failed" }],
      summary: expect.stringContaining("until that job is retried"),
    });
    expect((await queue.explain(created)).summary).toContain("UNRECOVERABLE: no");
  });

  it("names a retried job's own policy, and the first cause of one that a cascade cancelled", async () => {
    const { queue, start, settle } = setup();
    await start({
      PLAN_CREATE: () => {
        throw new UnrecoverableError("no disk");
      },
    });
    const first = await queue.send(planCreate, plan());
    const second = await queue.send(planCreate, plan("p2"), { dependsOn: [first] });
    const leaf = await queue.send(planCreate, plan("p3"), { dependsOn: [second] });
    await settle();
    expect((await queue.explain(leaf)).reasons).toMatchObject([
      {
        kind: "ended",
        error: {
          code: "DEPENDENCY_FAILED",
          message: `The job ${second.id} that this one depends on was cancelled. Root cause: job ${first.id} (PLAN_CREATE), UNRECOVERABLE: no disk`,
          root: { id: first.id, messageType: "PLAN_CREATE", code: "UNRECOVERABLE" },
        },
      },
    ]);
    await queue.retry(leaf);
    const retried = await queue.explain(leaf);
    expect(retried.reasons).toMatchObject([{ onFailure: "cancel", held: true, undecided: false }]);
    expect(retried.summary).toContain("It was retried, and waits");
    expect(retried.summary).toContain("should that fail, this one is cancelled");
  });

  it("says that one of many dependents is left to a later step", async () => {
    const { queue } = setup();
    const root = await queue.send(planCreate, plan());
    const many = await queue.sendMany(
      Array.from({ length: 1_500 }, (_, index) => ({
        message: planCreate,
        data: plan(`d${index}`),
        options: { dependsOn: [root] },
      })),
    );
    await queue.cancel(root);
    const left = await queue.explain(many.at(-1)!);
    expect(left).toMatchObject({
      state: "blocked",
      reasons: [{ kind: "dependency", state: "cancelled", held: false, undecided: true }],
    });
    expect(left.summary).toContain("is cancelled in one of the engine's next steps");
  });

  it("says when a scheduled job is due, that a queued one is ready, and how long one has run", async () => {
    const { queue, start, settle } = setup();
    const later = await queue.send(planCreate, plan(), { delay: "1h" });
    expect((await queue.explain(later)).reasons).toMatchObject([
      { kind: "scheduled", until: new Date("2026-01-01T01:00:00Z") },
    ]);
    const ready = await queue.send(phaseCreate, { planId: "p1", index: 0 });
    expect((await queue.explain(ready)).summary).toContain(
      "No live worker serves the queue phases. Start a worker that handles PHASE_CREATE.",
    );
    const gate = new Gate();
    await start({ PHASE_CREATE: () => gate.wait() });
    await settle();
    await queue.cancel(ready);
    expect(await queue.explain(ready)).toMatchObject({
      reasons: [{ kind: "running", cancelRequested: true }],
    });
    gate.open();
  });

  it("says that workers gave it back, as none that claimed it handles its message", async () => {
    const { queue, clock, start, settle } = setup({ features: { selectiveClaims: false } });
    const job = await queue.send(planCreate, plan());
    const others = await start({ SCAN: () => {} }, { queues: ["plans", "default"] });
    await settle();
    expect(await queue.explain(job)).toMatchObject({
      state: "scheduled",
      reasons: [{ kind: "scheduled" }, { kind: "unhandled", messageType: "PLAN_CREATE", bounces: 1 }],
      summary: expect.stringContaining(
        "No worker of its queue that claimed it handles PLAN_CREATE in version 1: given back once.",
      ),
    });
    await others.stop();
    const failing = await start({
      PLAN_CREATE: () => {
        throw new Error("broken");
      },
    });
    await clock.advance(1_000);
    await settle();
    expect(await queue.get(job)).toMatchObject({ state: "scheduled", attempt: 1, bounces: 1 });
    await failing.stop();
    await start({ SCAN: () => {} }, { queues: ["plans", "default"] });
    await clock.advance(2_000);
    await settle();
    expect((await queue.explain(job)).summary).toContain(
      "Workers that don't handle PLAN_CREATE in version 1 claimed it: given back 2 times.",
    );
  });
});
