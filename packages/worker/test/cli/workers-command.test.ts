import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  memoryEngine,
  type Queue,
} from "@org/queue";
import { expect, it } from "vitest";
import * as z from "zod";
import { run } from "../support/command-in-process.ts";

it("shows a worker without a name once, and which workers are quiet", async () => {
  const mail = defineMessage("MAIL", { data: z.object({}), queue: "mails" });
  const queue = createQueue({ registry: createRegistry([mail]), engine: memoryEngine() });
  const [plain, named] = [createWorker(queue), createWorker(queue, { name: "mailer" })];
  const list = async (...line: string[]) => (await run(queue as unknown as Queue, line)).stdout;
  try {
    await plain.handle(mail, () => undefined).start();
    const [title, row] = (await list("workers")).split("\n");
    expect(title).toMatch(/^NAME +RUNS +QUEUES +MESSAGES +UP +SEEN +VERSION$/);
    expect(row).toMatch(new RegExp(`^\\S+:${process.pid} +0/10 +mails +MAIL `));

    await named.handle(mail, () => undefined).start();
    named.quiet();
    const isQuiet = async () =>
      JSON.parse(await list("workers", "--json")).map((each: { quiet: boolean }) => each.quiet);
    await expect.poll(isQuiet).toEqual(expect.arrayContaining([true, false]));
    const both = await list("workers");
    expect(both).toMatch(new RegExp(`^\\S+:${process.pid} +0/10 +mails `, "m"));
    expect(both).toMatch(new RegExp(`^mailer +\\S+:${process.pid} +0/10 +quiet +mails `, "m"));
    expect(JSON.parse(await list("queues", "--json"))).toMatchObject([{ queue: "mails", workers: 1 }]);
  } finally {
    await Promise.all([plain.stop(), named.stop()]);
    await queue.close();
  }
});
