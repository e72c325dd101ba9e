import assert from "node:assert/strict";
import type { EnqueueBatch } from "../../../engine/core.ts";
import type { ErrorCode } from "../../../errors/index.ts";
import type { StateReason } from "../../../queue/read/explain.ts";
import type { SendOptions } from "../../../queue/send/send-options.ts";
import { alterEngine } from "../../alter-engine.ts";
import { rule, section } from "../case.ts";
import { LATER, SOON } from "../timing.ts";
import { capped, dated, echo, forgotten, silent, step, text, timed } from "./messages.ts";
import { play, rejection, type Stage, type StageHandlers } from "./stage.ts";

export const producerCases = section("sending with createQueue", [
  rule("sends that are made together share a round trip", async (on) => {
    const calls: (readonly EnqueueBatch[])[] = [];
    const engine = alterEngine(on.engine, {
      core: {
        enqueue(batches) {
          calls.push(batches);
          return on.engine.core.enqueue(batches);
        },
      },
    });
    const scene = async ({ queue }: Stage) => {
      const sends = Array.from({ length: 50 }, (_, index) => queue.send(echo, text(`${index}`)));
      const handles = await Promise.all(sends);
      assert.equal(new Set(handles.map(({ id }) => id)).size, 50);
      assert.deepEqual(
        calls.map((batches) => batches.length),
        [50],
      );
    };
    await play(on, scene, engine);
  }),

  rule(
    "text with half a surrogate pair is rejected where an engine reads it, without affecting other sends of the tick",
    async (on) => {
      await play(on, async ({ queue }) => {
        const half = "Ada \ud83d";
        const bad = (options: SendOptions, code: ErrorCode) =>
          rejection(queue.send(echo, text("b"), { id: "bad", priority: 5, ...options }), code);
        const [good] = await Promise.all([
          queue.send(echo, text("a"), { id: "good" }),
          bad({ userId: half }, "INVALID_OPTIONS"),
          bad({ metadata: { user: half } }, "INVALID_DATA"),
          bad({ metadata: { [half]: 1 } }, "INVALID_DATA"),
          bad({ dedupe: { key: half, window: "1h" } }, "INVALID_OPTIONS"),
          rejection(queue.send(step, { plan: half, index: 0 }), "INVALID_DATA"),
        ]);
        assert.equal(good.created, true);
        assert.equal(await queue.get("bad"), null);
        assert.equal((await queue.list()).jobs.length, 1);
      });
    },
  ),

  rule("data may contain text that is rejected elsewhere", async (on) => {
    await play(on, async (stage) => {
      const hostile = "half \ud83d, nul \u0000, 🏋️, \u2028, --";
      const options = { userId: "nul \u0000 🏋️", metadata: { "🏋️": "\u0000", "-": "--" } };
      const job = await stage.queue.send(echo, text(hostile), options);
      await stage.work({ ECHO: async ({ data }) => data });
      assert.deepEqual(await job.wait(), text(hostile));
      const { userId, metadata } = (await stage.queue.get(job)) ?? {};
      assert.deepEqual({ userId, metadata }, options);
    });
  }),

  rule("repeating a send with the same id stores one job, and reports it", async (on) => {
    await play(on, async ({ queue }) => {
      const first = await queue.send(echo, text("a"), { id: "mine" });
      const second = await queue.send(echo, text("a"), { id: "mine" });
      assert.deepEqual([first.created, second.created], [true, false]);
      assert.equal((await queue.list()).jobs.length, 1);
    });
  }),

  rule("a send with the id of another message's job is rejected, and so is its batch", async (on) => {
    await play(on, async ({ queue }) => {
      await queue.send(echo, text("a"), { id: "mine" });
      const error = await rejection(queue.send(silent, {}, { id: "mine" }), "ID_IN_USE");
      assert.match(error.message, /message ECHO has the id mine/);
      const item = { message: silent, data: {} };
      const sending = queue.sendMany([item, { ...item, options: { id: "mine" } }]);
      await rejection(sending, "ID_IN_USE");
      assert.equal((await queue.list()).jobs.length, 1);
    });
  }),

  rule("`dedupe` returns the handle of the first job of the same message", async (on) => {
    await play(on, async ({ queue }) => {
      const dedupe = { key: "daily", window: "1h" } as const;
      const first = await queue.send(echo, text("a"), { dedupe });
      const second = await queue.send(echo, text("b"), { dedupe });
      assert.equal(second.id, first.id);
      assert.equal(second.created, false);
      const other = await queue.send(timed, {}, { dedupe });
      assert.equal(other.created, true);
    });
  }),

  rule("with `dedupe`, a cancelled or failed job doesn't suppress new work", async (on) => {
    await play(on, async (stage) => {
      const { queue } = stage;
      const dedupe = { key: "daily", window: "1h" } as const;
      await queue.cancel(await queue.send(echo, text("cancelled"), { dedupe }));
      const failing = await queue.send(echo, text("failing"), { dedupe, attempts: 1 });
      await stage.work({
        ECHO: async ({ data }) => {
          if (data.text === "failing") throw new Error("broken");
          return data;
        },
      });
      await rejection(failing.wait(), "JOB_FAILED");
      const last = await queue.send(echo, text("last"), { dedupe });
      assert.equal(last.created, true);
      assert.deepEqual(await last.wait(), text("last"));
      assert.equal((await queue.send(echo, text("repeat"), { dedupe })).id, last.id);
    });
  }),

  rule("sendMany is atomic, and its items may depend on each other by ref, in any order", async (on) => {
    await play(on, async (stage) => {
      const [child, parent] = await stage.queue.sendMany([
        { message: echo, data: text("child"), options: { dependsOn: [{ ref: "parent" }] } },
        { ref: "parent", message: echo, data: text("parent") },
      ]);
      assert.equal(await stage.state(child), "blocked");
      await stage.work({ ECHO: async ({ data }) => data });
      await child.wait();
      assert.equal(await stage.state(parent), "completed");
    });
  }),

  rule("a batch with bad items stores nothing, and reports every bad item", async (on) => {
    await play(on, async ({ queue }) => {
      const bad = { message: echo, data: { text: 7 } as never };
      const error = await rejection(
        queue.sendMany([{ message: echo, data: text("good") }, bad, bad]),
        "INVALID_DATA",
      );
      assert.deepEqual(
        error.issues.map(({ path }) => path),
        ["1.data.text", "2.data.text"],
      );
      assert.deepEqual((await queue.list()).jobs, []);
    });
  }),

  rule("a cycle in a batch is rejected with its refs", async (on) => {
    await play(on, async ({ queue }) => {
      const sending = queue.sendMany([
        { ref: "hen", message: echo, data: text("a"), options: { dependsOn: [{ ref: "egg" }] } },
        { ref: "egg", message: echo, data: text("b"), options: { dependsOn: [{ ref: "hen" }] } },
      ]);
      assert.match((await rejection(sending, "DEPENDENCY_CYCLE")).message, /hen → egg → hen|egg → hen → egg/);
      assert.deepEqual((await queue.list()).jobs, []);
    });
  }),

  rule("an unknown dependency is DependencyNotFoundError, and nothing is stored", async (on) => {
    await play(on, async ({ queue }) => {
      const sending = queue.send(echo, text("a"), { dependsOn: ["nowhere"] });
      assert.match((await rejection(sending, "DEPENDENCY_NOT_FOUND")).message, /nowhere/);
      assert.deepEqual((await queue.list()).jobs, []);
    });
  }),

  rule("an engine without a capability refuses it at send, never silently", async (on) => {
    const none = {
      dependencies: false,
      orderingKeys: false,
      delays: false,
      priorities: false,
      dedupe: false,
    };
    const engine = alterEngine(on.engine, { features: none });
    const scene = async ({ queue }: Stage) => {
      const plain = await queue.send(echo, text("plain"));
      for (const options of [
        { dependsOn: [plain] },
        { delay: "1s" },
        { priority: 1 },
        { dedupe: { key: "k", window: "1s" } },
      ] as const) {
        await rejection(queue.send(echo, text("a"), options), "UNSUPPORTED_BY_ENGINE");
      }
      await rejection(queue.send(step, { plan: "p", index: 1 }), "UNSUPPORTED_BY_ENGINE");
      assert.equal((await queue.list()).jobs.length, 1);
    };
    await play(on, scene, engine);
  }),

  rule("data is validated when sent, and invalid data isn't stored", async (on) => {
    await play(on, async ({ queue }) => {
      const error = await rejection(queue.send(dated, { at: "now" as never }), "INVALID_DATA");
      assert.deepEqual(
        error.issues.map(({ path }) => path),
        ["at"],
      );
      assert.deepEqual((await queue.list()).jobs, []);
    });
  }),

  rule("data and metadata over their limits are rejected before parsing", async (on) => {
    await play(on, async ({ queue }) => {
      const long = text("x".repeat(300));
      await rejection(queue.send(capped, long), "PAYLOAD_TOO_LARGE");
      await rejection(queue.send(capped, text("a"), { metadata: long }), "PAYLOAD_TOO_LARGE");
      assert.deepEqual((await queue.list()).jobs, []);
    });
  }),

  rule("explain says what a blocked job waits for", async (on) => {
    await play(on, async ({ queue }) => {
      const parent = await queue.send(echo, text("parent"), { delay: LATER });
      const child = await queue.send(echo, text("child"), { dependsOn: [parent] });
      const { state, summary, reasons } = await queue.explain(child);
      assert.equal(state, "blocked");
      assert.match(summary, new RegExp(parent.id));
      assert.equal(reasons.length, 1);
      assert.deepEqual((await queue.explain(parent)).dependents, [child.id]);
    });
  }),

  rule("explain says that a failed job holds the ordering key, while it does", async (on) => {
    await play(on, async ({ queue }) => {
      const spec = {
        queue: "stage",
        messageType: "ECHO",
        orderingKey: "k",
        onOrderingFailure: "hold",
      } as const;
      await on.sendEach({ ...spec, id: "a" }, { ...spec, id: "b" });
      const reasonsOf = async (held: boolean, summary: RegExp) => {
        const explanation = await queue.explain("b");
        assert.match(explanation.summary, summary);
        const [{ text, ...reason }] = explanation.reasons as [StateReason];
        assert.deepEqual(reason, { kind: "ordering-key", key: "k", behind: "a", held });
      };
      await reasonsOf(false, /turn in the ordering key "k"/);
      await on.fail(await on.take("a", "stage"));
      await reasonsOf(
        true,
        /the job a ahead of it .*has failed, and holds the key until `queue\.retry\("a"\)`/,
      );
      await queue.retry("a");
      await reasonsOf(false, /turn in the ordering key "k"/);
    });
  }),

  rule("explain says how often workers released a job that they don't handle", async (on) => {
    await play(on, async ({ queue }) => {
      const job = await queue.send(echo, text("a"));
      for (const bounces of [1, 2]) {
        await on.release(await on.take(job.id, "stage"), 0, true);
        const { reasons } = await queue.explain(job);
        const reason = reasons.find(({ kind }) => kind === "unhandled");
        assert.deepEqual(reason && "bounces" in reason && [reason.messageType, reason.bounces], [
          "ECHO",
          bounces,
        ]);
      }
    });
  }),

  rule("wait resolves for a job that has ended, and for one that will", async (on) => {
    await play(on, async (stage) => {
      const early = await stage.queue.send(echo, text("early"));
      const waiting = early.wait();
      await stage.work({ ECHO: async ({ data }) => data });
      assert.deepEqual(await waiting, text("early"));
      assert.deepEqual(await early.wait(), text("early"));
    });
  }),

  rule("wait for a trimmed job settles as its ending is remembered", async (on) => {
    await play(on, async (stage) => {
      const { queue } = stage;
      const [done, quiet, broken, dropped] = [
        await queue.send(forgotten, text("done")),
        await queue.send(silent, {}),
        await queue.send(forgotten, text("broken")),
        await queue.send(forgotten, text("dropped"), { delay: LATER }),
      ];
      await queue.cancel(dropped);
      const last = await queue.send(echo, text("last"));
      const handlers: StageHandlers = {
        FORGOTTEN: async ({ data }) => {
          if (data.text === "broken") throw new Error("broken");
          return data;
        },
        SILENT: async () => {},
        ECHO: async ({ data }) => data,
      };
      await stage.work(handlers, { concurrency: 1 });
      await last.wait();
      await on.recover();
      assert.equal(await quiet.wait(), undefined);
      assert.match((await rejection(done.wait(), "RESULT_NOT_KEPT")).message, /completed.*`retain/);
      assert.match((await rejection(broken.wait(), "JOB_FAILED")).message, /failed.*`retain/);
      assert.match((await rejection(dropped.wait(), "JOB_CANCELLED")).message, /cancelled.*`retain/);
      const { state, reasons, summary } = await queue.explain(done);
      assert.deepEqual([state, reasons.map(({ kind }) => kind)], ["completed", ["not-kept"]]);
      assert.match(summary, /FORGOTTEN.*no longer stored/);
      assert.match((await rejection(queue.retry(broken), "JOB_NOT_FOUND")).message, /failed/);
    });
  }),

  rule("wait rejects for a job that failed, was cancelled, isn't stored, or takes too long", async (on) => {
    await play(on, async (stage) => {
      const { queue } = stage;
      const failed = await queue.send(echo, text("a"), { attempts: 1 });
      const worker = await stage.work({
        ECHO: async () => {
          throw new Error("broken");
        },
      });
      const error = await rejection(failed.wait(), "JOB_FAILED");
      assert.match(String((error.cause as Error).message), /broken/);
      await worker.stop();
      const cancelled = await queue.send(echo, text("b"));
      await queue.cancel(cancelled);
      await rejection(cancelled.wait(), "JOB_CANCELLED");
      await rejection(queue.wait("nowhere"), "JOB_NOT_FOUND");
      const slow = await queue.send(echo, text("c"));
      const waiting = rejection(slow.wait({ timeout: SOON }), "WAIT_TIMEOUT");
      await on.elapse(SOON);
      await waiting;
      assert.equal(await stage.state(slow), "queued");
    });
  }),
]);
