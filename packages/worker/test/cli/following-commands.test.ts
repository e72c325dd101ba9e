import { memoryEngine } from "@org/queue";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RunningCommand, run } from "../support/command-in-process.ts";
import { openScene, type Scene } from "../support/reading-scene.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await openScene(memoryEngine());
});
afterAll(async () => {
  await scene.worker.stop();
  await scene.queue.close();
});

it("waits for a job: its result, and how it ended", async () => {
  const completed = await run(scene.queue, ["wait", "mail-ada"]);
  expect(completed).toEqual({ code: 0, stdout: '{"receipt":"r-c1","card":"[redacted]"}\n', stderr: "" });
  const failed = await run(scene.queue, ["wait", "mail-invalid"]);
  expect(failed).toMatchObject({ code: 1, stdout: "" });
  expect(failed.stderr).toContain("The job mail-invalid failed: No such address u\\u001b[2J");
  expect(JSON.parse((await run(scene.queue, ["wait", "mail-invalid", "--json"])).stdout)).toMatchObject({
    id: "mail-invalid",
    state: "failed",
    error: { code: "UNRECOVERABLE" },
  });
  const early = await run(scene.queue, ["wait", "mail-later", "--timeout", "10ms"]);
  expect(early).toMatchObject({ code: 124, stdout: "", stderr: expect.stringContaining("mail-later") });
  expect(await run(scene.queue, ["wait", "nobody"])).toMatchObject({ code: 1 });
  expect(await run(scene.queue, ["wait", "mail-later", "--timeout", "soon"])).toMatchObject({ code: 64 });
});

it("tells progress while it waits, and a cancellation by its exit code", async () => {
  await scene.mail("slow", "c1", { id: "mail-slow", delay: "1h" });
  const command = new RunningCommand(scene.queue, ["wait", "mail-slow"]);
  await command.subscribed();
  await scene.queue.promote("mail-slow");
  await command.printed('progress {"step":"halfway"}');
  await scene.queue.cancel("mail-slow");
  const { code, stdout, stderr } = await command.done;
  expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
  expect(stderr).toMatch(/mail-slow {2}active\n[\s\S]*mail-slow {2}cancelled\n/);
});

it("follows events until it is interrupted", async () => {
  const interrupt = new AbortController();
  const command = new RunningCommand(scene.queue, ["tail", "queue:mail"], { signal: interrupt.signal });
  const asJson = new RunningCommand(scene.queue, ["tail", "state:failed", "message:EMAIL", "--json"], {
    signal: interrupt.signal,
  });
  await Promise.all([command.subscribed(), asJson.subscribed()]);
  await scene.mail("invalid", "c4", { id: "mail-tail" });
  await command.printed("mail-tail  UNRECOVERABLE: No such address u\\u001b[2J");
  await asJson.printed("mail-tail");
  interrupt.abort();
  const { code, stdout, stderr } = await command.done;
  expect(code).toBe(0);
  expect(stderr).toBe("Waiting for events. Ctrl-C ends it.\n");
  const lines = stdout.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}queued {5}EMAIL {2}mail-tail {2}mail$/);
  expect(lines.map((line) => line.split(/ +/)[1])).toEqual(["queued", "active", "failed"]);
  const events = (await asJson.done).stdout.trimEnd().split("\n");
  expect(events.map((line) => JSON.parse(line))).toMatchObject([
    { type: "failed", id: "mail-tail", error: {} },
  ]);
  expect(await run(scene.queue, ["tail", "user:ada"])).toMatchObject({ code: 64 });
});

it("tail says what may be misspelt before it waits", async () => {
  const interrupt = new AbortController();
  const line = ["tail", "message:NOPE", "--job", "mail-ada", "--job", "nobody"];
  const command = new RunningCommand(scene.queue, line, { signal: interrupt.signal });
  await command.printed("Waiting for events");
  interrupt.abort();
  expect((await command.done).stderr).toBe(
    "The registry has no message NOPE: check the spelling.\nThe job nobody isn't stored: check the id.\n" +
      "Waiting for events. Ctrl-C ends it.\n",
  );
});
