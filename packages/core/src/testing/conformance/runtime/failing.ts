import assert from "node:assert/strict";
import { RetryAfterError, UnrecoverableError } from "../../../errors/index.ts";
import { alterEngine } from "../../alter-engine.ts";
import { rule, section } from "../case.ts";
import { newJob } from "../new-job.ts";
import { SHORT_LEASE, SOON } from "../timing.ts";
import { capped, dated, echo, text } from "./messages.ts";
import { aborted, gate, play, type Stage } from "./stage.ts";

/** Stores a job like a foreign or an older producer. */
function sendRaw({ on }: Stage, id: string, spec: Parameters<typeof newJob>[0]) {
  return on.engine.core.enqueue([{ jobs: [newJob({ id, queue: "stage", ...spec })] }]);
}

export const failingCases = section("failing with createWorker", [
  rule("attempts come after exponential pauses, and other jobs run meanwhile", async (on) => {
    await play(on, async (stage) => {
      const attempts: number[] = [];
      await stage.work({
        ECHO: async ({ data, job }) => {
          if (data.text !== "fails") return data;
          attempts.push(job.attempt);
          throw new Error("not yet");
        },
      });
      const failing = await stage.queue.send(echo, text("fails"));
      for (const [attempt, pause] of [
        [1, SOON],
        [2, 2 * SOON],
      ] as const) {
        const { runAt, failures } = await stage.until(
          failing,
          (job) => job.state === "scheduled" && job.attempt === attempt,
        );
        assert.equal(Number(runAt) - Number(failures.at(-1)?.at), pause);
        const other = await stage.queue.send(echo, text("other"));
        assert.deepEqual(await other.wait(), text("other"));
        await on.elapse(pause);
      }
      const { error, attempt } = await stage.failure(failing);
      assert.deepEqual(attempts, [1, 2, 3]);
      assert.equal(attempt, 3);
      assert.equal(error.code, "HANDLER_FAILED");
      assert.match(error.message, /not yet/);
    });
  }),

  rule("a handler that recovers completes", async (on) => {
    await play(on, async (stage) => {
      await stage.work({
        ECHO: async ({ data, job }) => {
          if (job.attempt < 3) throw new Error("not yet");
          return data;
        },
      });
      const job = await stage.queue.send(echo, text("a"));
      const waiting = job.wait();
      await stage.reaches(job, "scheduled");
      for (let round = 0; round < 4; round++) await on.elapse(SOON);
      assert.deepEqual(await waiting, text("a"));
      const { failures } = (await stage.queue.get(job))!;
      assert.equal(failures.length, 2);
    });
  }),

  rule("UnrecoverableError fails at once", async (on) => {
    await play(on, async (stage) => {
      await stage.work({
        ECHO: async () => {
          throw new UnrecoverableError("the plan was deleted");
        },
      });
      const { error, attempt } = await stage.failure(await stage.queue.send(echo, text("a")));
      assert.equal(error.code, "UNRECOVERABLE");
      assert.equal(attempt, 1);
    });
  }),

  rule("RetryAfterError chooses the pause, and uses up an attempt", async (on) => {
    await play(on, async (stage) => {
      await stage.work({
        ECHO: async ({ data, job }) => {
          if (job.attempt === 1) throw new RetryAfterError(3 * SOON);
          return data;
        },
      });
      const job = await stage.queue.send(echo, text("a"));
      const { runAt, failures } = await stage.reaches(job, "scheduled");
      assert.equal(Number(runAt) - Number(failures[0]?.at), 3 * SOON);
      await on.elapse(3 * SOON);
      await job.wait();
      assert.equal((await stage.queue.get(job))?.attempt, 2);
    });
  }),

  rule("a job that kills its worker `maxStalls` times fails with STALLED", async (on) => {
    await play(on, async (stage) => {
      const job = await stage.queue.send(echo, text("a"), { attempts: 1 });
      for (let stalls = 1; stalls <= echo.maxStalls; stalls++) {
        await on.take(job.id, "stage", SHORT_LEASE);
        await on.elapse(SHORT_LEASE);
        await on.recover();
      }
      const { error, stalls } = await stage.failure(job);
      assert.equal(error.code, "STALLED");
      assert.equal(stalls, 3);
    });
  }),

  rule(
    "data that no longer parses fails with INVALID_DATA without retry, and keeps its payload",
    async (on) => {
      await play(on, async (stage) => {
        await sendRaw(stage, "old", { messageType: "ECHO", data: '{"words":["a"]}' });
        await stage.work({ ECHO: async () => assert.fail("it ran") });
        const { error, attempt, raw, data } = await stage.failure("old");
        assert.equal(error.code, "INVALID_DATA");
        assert.equal(attempt, 1);
        assert.equal(raw, true);
        assert.deepEqual(data, { words: ["a"] });
      });
    },
  ),

  rule("a payload that isn't JSON fails with INVALID_DATA too", async (on) => {
    await play(on, async (stage) => {
      await sendRaw(stage, "broken", { messageType: "ECHO", data: "{" });
      await stage.work({ ECHO: async () => assert.fail("it ran") });
      assert.equal((await stage.failure("broken")).error.code, "INVALID_DATA");
    });
  }),

  rule("a payload with a __proto__ key fails with INVALID_DATA, however it is escaped", async (on) => {
    await play(on, async (stage) => {
      const payloads = ['{"text":"a","__proto__":{"b":1}}', '{"text":"a","\\u005f_proto__":{"b":1}}'];
      await stage.work({ ECHO: async () => assert.fail("it ran") });
      for (const [index, data] of payloads.entries()) {
        await sendRaw(stage, `proto-${index}`, { messageType: "ECHO", data });
        assert.equal((await stage.failure(`proto-${index}`)).error.code, "INVALID_DATA");
      }
    });
  }),

  rule("a result that breaks the contract or its limit fails without retry", async (on) => {
    await play(on, async (stage) => {
      await stage.work({
        DATED: async () => ({ next: "tomorrow" as never }),
        CAPPED: async () => text("x".repeat(200)),
      });
      const wrong = await stage.failure(await stage.queue.send(dated, { at: new Date(0) }));
      assert.equal(wrong.error.code, "INVALID_RESULT");
      const large = await stage.failure(await stage.queue.send(capped, text("a")));
      assert.equal(large.error.code, "PAYLOAD_TOO_LARGE");
      assert.deepEqual([wrong.attempt, large.attempt], [1, 1]);
    });
  }),

  rule("progress that breaks the contract or its limit is rejected when reported", async (on) => {
    await play(on, async (stage) => {
      const codes: string[] = [];
      await stage.work({
        CAPPED: async ({ data, progress }) => {
          for (const value of [{ text: 7 }, text("x".repeat(200))]) {
            try {
              progress(value as never);
            } catch (error) {
              codes.push((error as { code: string }).code);
            }
          }
          return data;
        },
      });
      await (await stage.queue.send(capped, text("a"))).wait();
      assert.deepEqual(codes, ["INVALID_PROGRESS", "PAYLOAD_TOO_LARGE"]);
    });
  }),

  rule("errors and log lines over their limits are shortened", async (on) => {
    await play(on, async (stage) => {
      await stage.work({
        CAPPED: async ({ log }) => {
          log("é".repeat(500));
          throw new UnrecoverableError("x".repeat(5_000));
        },
      });
      const job = await stage.queue.send(capped, text("a"));
      const { logs } = await stage.failure(job);
      assert(Buffer.byteLength(logs[0]!.message) <= 50);
      assert(Buffer.byteLength((await on.job(job.id)).error!) <= 600);
      assert.equal(await on.errorCode(job.id), "UNRECOVERABLE");
    });
  }),

  rule("logs, errors and cancel reasons are made well-formed Unicode", async (on) => {
    await play(on, async (stage) => {
      const started = gate();
      const half = "Hi 😀".slice(0, 4);
      await stage.work({
        ECHO: async ({ log, signal }) => {
          log(half);
          started.open();
          throw await aborted(signal);
        },
        CAPPED: async ({ log }) => {
          // Cutting by code units would split a pair.
          for (const start of ["", "a", "ab", "abc"]) log(start + "😀".repeat(50));
          throw new UnrecoverableError(half + "😀".repeat(5_000));
        },
      });
      const cancelled = await stage.queue.send(echo, text("a"));
      await started.passed;
      await stage.queue.cancel(cancelled, { reason: half });
      const { error } = await stage.reaches(cancelled, "cancelled");
      assert.equal(error?.message, "Hi \ufffd");
      const { logs } = await stage.until(cancelled, (job) => job.logs.length > 0);
      assert.equal(logs[0]!.message, "Hi \ufffd");

      const failed = await stage.queue.send(capped, text("a"));
      const failure = await stage.failure(failed);
      assert.match(failure.error.message, /^Hi \ufffd(😀)+…$/u);
      assert.equal(failure.logs.length, 4);
      for (const { message } of failure.logs) assert.match(message, /^[abc]*(😀)+…$/u);
    });
  }),

  rule("whatever a handler throws fails its job, and the worker continues", async (on) => {
    await play(on, async (stage) => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      const thrown = [proxy, null, new AggregateError([new Error("inner")])];
      await stage.work({
        ECHO: ({ data }) => {
          throw thrown[Number(data.text)];
        },
        CAPPED: async ({ data }) => {
          throw thrown[Number(data.text)];
        },
      });
      for (const message of [echo, capped]) {
        for (const index of thrown.keys()) {
          const job = await stage.queue.send(message, text(String(index)), { attempts: 1 });
          assert.equal((await stage.failure(job)).error.code, "HANDLER_FAILED");
        }
      }
    });
  }),

  rule("a message that no worker handles stays queued, untouched, for one that does", async (on) => {
    await play(on, async (stage) => {
      const other = await stage.work({ DATED: async ({ data }) => ({ next: data.at }) });
      const job = await stage.queue.send(echo, text("a"));
      const at = new Date("2026-01-01T00:00:00Z");
      await (await stage.queue.send(dated, { at })).wait();
      await on.elapse(1_000);
      const { state, epoch, attempt, bounces } = (await stage.queue.get(job))!;
      assert.deepEqual(
        { state, epoch, attempt, bounces },
        { state: "queued", epoch: 0, attempt: 0, bounces: 0 },
      );
      await other.stop();
      await stage.work({ ECHO: async ({ data }) => data });
      assert.deepEqual(await job.wait(), text("a"));
    });
  }),

  rule("a version newer than a worker knows stays queued for one that knows it", async (on) => {
    await play(on, async (stage) => {
      await sendRaw(stage, "newer", {
        messageType: "ECHO",
        data: '{"text":"a"}',
        envelope: { version: 2 },
      });
      await stage.work({ ECHO: async ({ data }) => data });
      await (await stage.queue.send(echo, text("b"))).wait();
      assert.equal(await stage.state("newer"), "queued");
    });
  }),

  rule(
    "where an engine can't select, what a worker doesn't handle is given back and never fails",
    async (on) => {
      const engine = alterEngine(on.engine, { features: { selectiveClaims: false } });
      const scene = async (stage: Stage) => {
        const job = await stage.queue.send(echo, text("a"));
        for (let bounce = 0; bounce < 30; bounce++) {
          await on.release(await on.take(job.id, "stage"), 0, true);
        }
        const unknowing = await stage.work({ DATED: async ({ data }) => ({ next: data.at }) });
        const { bounces, attempt } = await stage.reaches(job, "scheduled");
        assert.deepEqual({ bounces, attempt }, { bounces: 31, attempt: 0 });
        await unknowing.stop();
        await stage.queue.promote(job);
        await stage.work({ ECHO: async ({ data }) => data });
        assert.deepEqual(await job.wait(), text("a"));
      };
      await play(on, scene, engine);
    },
  ),
]);
