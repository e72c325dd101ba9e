import assert from "node:assert/strict";
import { isQueueError } from "../../../errors/index.ts";
import { rule, section } from "../case.ts";
import { WORKER_LEASE } from "../timing.ts";
import { echo, text } from "./messages.ts";
import { aborted, gate, play } from "./stage.ts";

export const cancellingCases = section("cancelling with createWorker", [
  rule(
    "the signal of a running job in this process fires at once; if it then throws, it is cancelled",
    async (on) => {
      await play(on, async (stage) => {
        const job = await stage.queue.send(echo, text("a"));
        const reason = gate<{ readonly code: string; readonly message: string }>();
        await stage.work({
          ECHO: async ({ signal }) => {
            reason.open(await aborted(signal));
            throw new Error("stopped");
          },
        });
        await stage.reaches(job, "active");
        assert.equal(await stage.queue.cancel(job, { reason: "the client left" }), "cancelling");
        const { code, message } = await reason.passed;
        assert.equal(code, "JOB_CANCELLED");
        assert.match(message, /the client left/);
        const { error } = await stage.reaches(job, "cancelled");
        assert.equal(error?.code, "JOB_CANCELLED");
      });
    },
  ),

  rule("from another process the signal fires within one heartbeat", async (on) => {
    await play(on, async (stage) => {
      const job = await stage.queue.send(echo, text("a"));
      const reason = gate<{ readonly code: string; readonly message: string }>();
      await stage.work({
        ECHO: async ({ signal }) => {
          const why = await aborted(signal);
          reason.open(why);
          throw why;
        },
      });
      await stage.reaches(job, "active");
      const peer = await on.peer();
      await peer.operate.cancel([{ id: job.id }], "the client left");
      await on.elapse(WORKER_LEASE / 3);
      const { code, message } = await reason.passed;
      assert.equal(code, "JOB_CANCELLED");
      assert.match(message, /the client left/);
      await stage.reaches(job, "cancelled");
    });
  }),

  rule("a running job that returns normally despite a cancel request is completed", async (on) => {
    await play(on, async (stage) => {
      const job = await stage.queue.send(echo, text("a"));
      await stage.work({
        ECHO: async ({ data, signal }) => {
          await aborted(signal);
          return data;
        },
      });
      await stage.reaches(job, "active");
      await stage.queue.cancel(job);
      assert.deepEqual(await job.wait(), text("a"));
      assert.equal(await stage.state(job), "completed");
    });
  }),

  rule("a waiting job is cancelled at once, and its handler never runs", async (on) => {
    await play(on, async (stage) => {
      const job = await stage.queue.send(echo, text("a"));
      assert.equal(await stage.queue.cancel(job), "cancelled");
      const last = await stage.queue.send(echo, text("last"));
      const ran: string[] = [];
      await stage.work({
        ECHO: async ({ data }) => {
          ran.push(data.text);
          return data;
        },
      });
      await last.wait();
      assert.deepEqual(ran, ["last"]);
    });
  }),

  rule(
    "workers continue a cascade that one step can't finish, and a wait for its last job ends",
    async (on) => {
      await play(on, async (stage) => {
        const [root, ...rest] = await stage.queue.sendMany([
          { ref: "root", message: echo, data: text("root") },
          ...Array.from({ length: 1_500 }, (_, index) => ({
            message: echo,
            data: text(`dependent ${index}`),
            options: { dependsOn: [{ ref: "root" }] },
          })),
        ]);
        const ended = rest
          .at(-1)!
          .wait()
          .catch((error: unknown) => error);
        assert.equal(await stage.queue.cancel(root!), "cancelled");
        await stage.work({ ECHO: async ({ data }) => data });
        const error = await ended;
        assert(isQueueError(error, "JOB_CANCELLED"), String(error));
      });
    },
  ),
]);
