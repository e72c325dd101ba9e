import assert from "node:assert/strict";
import type { BulkStep } from "../../../queue/operate/bulk-operations.ts";
import { rule, section } from "../case.ts";
import { LATER } from "../timing.ts";
import { echo, step, text } from "./messages.ts";
import { gate, play, rejection, type Stage } from "./stage.ts";

/** All steps of an operation. */
async function allSteps(next: (cursor?: string) => Promise<BulkStep>): Promise<readonly BulkStep[]> {
  const steps: BulkStep[] = [];
  let cursor: string | undefined;
  do {
    const done = await next(cursor);
    steps.push(done);
    cursor = done.cursor;
  } while (cursor !== undefined);
  return steps;
}

const sumOf = (steps: readonly BulkStep[]) => ({
  matched: steps.reduce((sum, { matched }) => sum + matched, 0),
  changed: steps.reduce((sum, { changed }) => sum + changed, 0),
});

async function sendFailed(stage: Stage, count: number): Promise<readonly string[]> {
  const jobs = await Promise.all(
    Array.from({ length: count }, (_, index) => stage.queue.send(echo, text(`${index}`), { attempts: 1 })),
  );
  const worker = await stage.work({
    ECHO: () => {
      throw new Error("broken");
    },
  });
  await Promise.all(jobs.map((job) => stage.reaches(job, "failed")));
  await worker.stop();
  return jobs.map(({ id }) => id);
}

export const bulkCases = section("operating by filter", [
  rule(
    "retrying goes from the newest job to the oldest, and takes each once, even if it fails again",
    async (on) => {
      await play(on, async (stage) => {
        const ids = await sendFailed(stage, 5);
        const filter = { state: "failed", message: echo } as const;
        assert.deepEqual(await stage.queue.count(filter), { count: 5, isExact: true });
        const first = await stage.queue.retryMatching(filter, { limit: 2 });
        assert.deepEqual({ ...first, cursor: undefined }, { matched: 2, changed: 2, cursor: undefined });
        const states = await Promise.all(ids.map((id) => stage.state(id)));
        assert.deepEqual(states, ["failed", "failed", "failed", "queued", "queued"]);
        const [newest] = (await on.engine.core.claim({ queues: ["stage"], limit: 1, lease: LATER })).jobs;
        await on.fail(newest!);
        await stage.queue.send(echo, text("new"));
        const rest = await allSteps((cursor = first.cursor) =>
          stage.queue.retryMatching(filter, { limit: 2, ...(cursor !== undefined && { cursor }) }),
        );
        assert.deepEqual(sumOf(rest), { matched: 3, changed: 3 });
        assert.equal(await stage.state(newest!.id), "failed");
      });
    },
  ),

  rule("jobs that changed after they were listed are left as they are", async (on) => {
    const { engine } = on;
    const inspect = {
      ...engine.inspect,
      list: async (request: never) => {
        const page = await engine.inspect.list(request);
        const [job] = page.jobs;
        if (job) await engine.operate.remove([job], { force: true });
        return page;
      },
      count: engine.inspect.count.bind(engine.inspect),
    };
    const altered = new Proxy(engine, {
      get: (target, name) => (name === "inspect" ? inspect : Reflect.get(target, name)),
    });
    await play(
      on,
      async (stage) => {
        await stage.queue.sendMany([
          { message: echo, data: text("a") },
          { message: echo, data: text("b") },
        ]);
        const done = await stage.queue.cancelMatching({ queue: "stage" });
        assert.deepEqual(done, { matched: 2, changed: 1 });
      },
      altered as typeof engine,
    );
  }),

  rule("cancelling, promoting and removing by filter change what they can", async (on) => {
    await play(on, async ({ queue }) => {
      const late = await queue.send(echo, text("late"), { delay: LATER, userId: "u" });
      const later = await queue.send(echo, text("later"), { delay: LATER });
      const ready = await queue.send(echo, text("ready"), { userId: "u" });
      assert.deepEqual(await queue.promoteMatching({ userId: "u" }), { matched: 1, changed: 1 });
      assert.equal((await queue.get(late))?.state, "queued");
      assert.deepEqual(await queue.cancelMatching({ state: "scheduled" }, { reason: "too late" }), {
        matched: 1,
        changed: 1,
      });
      assert.match((await queue.get(later))?.error?.message ?? "", /too late/);
      await on.engine.core.claim({ queues: ["stage"], limit: 1, lease: LATER });
      assert.deepEqual(await queue.removeMatching({ queue: "stage" }), { matched: 2, changed: 2 });
      assert.deepEqual([await queue.get(later), await queue.get(ready)], [null, null]);
      assert.deepEqual(await queue.removeMatching({ queue: "stage" }, { force: true }), {
        matched: 1,
        changed: 1,
      });
    });
  }),

  rule("draining removes jobs that wait for each other, whichever was sent first", async (on) => {
    await play(on, async ({ queue }) => {
      const jobs = await queue.sendMany([
        { message: echo, data: text("last"), options: { dependsOn: [{ ref: "middle" }] } },
        { ref: "middle", message: echo, data: text("middle"), options: { dependsOn: [{ ref: "first" }] } },
        { ref: "first", message: echo, data: text("first") },
      ]);
      assert.equal(await queue.drain("stage"), 3);
      assert.deepEqual(await queue.getMany(jobs), [null, null, null]);
    });
  }),

  rule("draining removes what waits, and leaves active and finished jobs", async (on) => {
    await play(on, async (stage) => {
      const { queue } = stage;
      const done = await queue.send(echo, text("done"));
      const held = gate();
      const worker = await stage.work(
        {
          ECHO: async ({ data }) => {
            if (data.text === "held") await held.passed;
            return data;
          },
        },
        { concurrency: 1 },
      );
      await stage.reaches(done, "completed");
      const active = await queue.send(echo, text("held"));
      await stage.reaches(active, "active");
      await queue.pause("stage");
      await Promise.all(Array.from({ length: 20 }, (_, index) => queue.send(echo, text(`${index}`))));
      for (const index of [1, 2]) await queue.send(step, { plan: "p", index });
      const late = await queue.send(echo, text("late"), { delay: LATER });
      await queue.send(echo, text("blocked"), { dependsOn: [late] });
      const progress: number[] = [];
      assert.equal(await queue.drain("stage", { onProgress: (removed) => progress.push(removed) }), 23);
      assert.equal(progress.at(-1), 23);
      assert.equal(await stage.state(late), "scheduled");
      assert.equal(await queue.drain("stage", { scheduled: true }), 1);
      assert.deepEqual([await stage.state(done), await stage.state(active)], ["completed", "active"]);
      held.open();
      await stage.reaches(active, "completed");
      await worker.stop();
    });
  }),

  rule(
    "obliterating is refused while jobs are active, unless it is forced, and leaves nothing",
    async (on) => {
      await play(on, async (stage) => {
        const { queue } = stage;
        const jobs = await Promise.all(["a", "b", "c"].map((name) => queue.send(echo, text(name))));
        const [lease] = (await on.engine.core.claim({ queues: ["stage"], limit: 1, lease: LATER })).jobs;
        const error = await rejection(queue.obliterate("stage"), "INVALID_STATE");
        assert.match(error.message, /The queue stage has 1 active job\. Nothing was removed\./);
        assert.equal((await on.counts("stage")).paused, false);
        assert.equal(await queue.obliterate("stage", { force: true }), 3);
        assert.deepEqual(await on.settle({ ...lease!, type: "complete" }), ["stale"]);
        assert.deepEqual(await queue.getMany(jobs), [null, null, null]);
        assert.deepEqual(await on.engine.queues.counts(), []);
        const again = await queue.send(echo, text("again"));
        assert.deepEqual(await on.claimIds(9, ["stage"]), [again.id]);
      });
    },
  ),
]);
