import assert from "node:assert/strict";
import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import { LEASE } from "../stage/stage.ts";
import { assertInTime, RECOVERY, since } from "./recovery.ts";

export const freezePastLease: Scenario = {
  name: "freeze-past-lease",
  promise: "a worker frozen past its lease can't change the job any more, and its handler is aborted",
  async run(stage) {
    const jobs = Array.from({ length: stage.random.between(1, 5) }, (_, index) => `job-${index}`);
    for (const id of jobs) await stage.send(id, { work: "wait" });
    const frozen = await stage.standbyWorker("sleeper", { ignoresSignals: true });
    const successor = await stage.standbyWorker("successor");
    frozen.send({ command: "start" });
    const first = await Promise.all(jobs.map((job) => frozen.until("started", ({ id }) => id === job)));

    frozen.freeze();
    const frozenAt = monotonic();
    successor.send({ command: "start" });
    await Promise.all(jobs.map((job) => successor.until("started", ({ id }) => id === job)));
    assertInTime(stage, "recovery", since(frozenAt), RECOVERY);
    // When the frozen worker wakes, the successor still runs one job and has completed the others.
    const [open, ...ended] = jobs as [string, ...string[]];
    for (const id of ended) {
      successor.send({ command: "finish", id });
      await successor.until("settled", (report) => report.id === id && report.verdict === "accepted");
    }

    frozen.thaw();
    for (const { id, epoch } of first) {
      const { code } = await frozen.until("aborted", (report) => report.id === id);
      assert.equal(code, "LEASE_LOST", `the signal of ${id}`);
      frozen.send({ command: "use-expired-lease", id, epoch });
    }
    await frozen.until("late", () => frozen.count(({ type }) => type === "late") === jobs.length);
    for (const report of frozen.reports) {
      if (report.type !== "late") continue;
      assert.equal(report.extended, "lost");
      assert.deepEqual(report.settled, { complete: "stale", retry: "stale", fail: "stale", cancel: "stale" });
    }
    for (const id of jobs) {
      frozen.send({ command: "finish", id });
      await frozen.until("finished", (report) => report.id === id);
    }

    const record = (await stage.engine.inspect.get([{ id: open }]))[0]!;
    assert.equal(record.state, "active", `${open} is still the successor's`);
    assert.deepEqual(record.logs, [], "logs of the stale attempt");
    assert.notEqual(record.progress, '{"by":"a stale attempt"}');
    successor.send({ command: "finish", id: open });
    await successor.until("settled", (report) => report.id === open && report.verdict === "accepted");
    assert.equal(
      frozen.count((report) => report.type === "settled" && report.verdict === "accepted"),
      0,
    );
    assert.ok(since(frozenAt) > LEASE);
  },
};
