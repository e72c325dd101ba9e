import { createQueue, createRegistry, createWorker, defineMessage, memoryEngine } from "@org/queue";
import { expect, test } from "vitest";
import * as z from "zod";
import { run } from "../support/command-in-process.ts";

test("a job that a stopped worker gave back isn't called started", async () => {
  const mail = defineMessage("MAIL", { data: z.object({}) });
  const queue = createQueue({ registry: createRegistry([mail]), engine: memoryEngine() });
  let onStart = () => {};
  const started = new Promise<void>((resolve) => {
    onStart = resolve;
  });
  const worker = createWorker(queue).handle(mail, async ({ signal }) => {
    onStart();
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  await worker.start();
  const { id } = await queue.send(mail, {});
  await started;
  expect((await run(queue, ["job", id])).stdout).toMatch(/^ *started {2}/m);
  await worker.stop({ timeout: 0 });
  const { stdout } = await run(queue, ["job", id]);
  expect(stdout).toContain("0 of 3");
  expect(stdout).not.toMatch(/^ *started {2}/m);
  await queue.close();
});
