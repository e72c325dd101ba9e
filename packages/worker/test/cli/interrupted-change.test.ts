import { createQueue, createRegistry, defineMessage, memoryEngine, type Queue, QueueError } from "@org/queue";
import { expect, it } from "vitest";
import * as z from "zod";
import { Interrupted } from "../../src/cli/interrupted.ts";
import { run } from "../support/command-in-process.ts";

const mail = defineMessage("MAIL", { data: z.object({}), queue: "mails" });
const COUNT = 1_200;

/** A queue of 1,200 scheduled jobs, and the same with something before each step after the first. */
async function open(beforeNext: () => void) {
  const queue = createQueue({ registry: createRegistry([mail]), engine: memoryEngine() });
  await queue.sendMany(
    Array.from({ length: COUNT }, (_, index) => ({
      message: mail,
      data: {},
      options: { delay: "1h" as const, id: `mail-${index}` },
    })),
  );
  const intercepted = new Proxy(queue, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: readonly unknown[]) => {
        const [, options] = args as [unknown, { cursor?: string } | undefined];
        const isNext =
          options?.cursor !== undefined || (name === "promoteMany" && !args.flat().includes("mail-0"));
        if (isNext) beforeNext();
        return value.apply(target, args);
      };
    },
  });
  return [queue as unknown as Queue, intercepted as unknown as Queue] as const;
}

const unavailable = () => {
  throw new QueueError("ENGINE_UNAVAILABLE", "Redis at localhost:6379 closed the connection.");
};
const count = async (queue: Queue, state: "scheduled" | "queued") => (await queue.count({ state })).count;
const words = (line: string) => [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);

it("prints the command that goes on when the engine is lost, and it does", async () => {
  const [queue, intercepted] = await open(unavailable);
  const promote = ["promote", "--where", "queue:mails", "--config", "my queue.config.ts"];
  const { code, stdout, stderr } = await run(intercepted, [...promote, "--yes"]);
  expect({ code, stdout }).toEqual({ code: 69, stdout: "" });
  const [, next = ""] =
    /^Stopped\. Promoted 500 of 1,200 jobs\. The step after them got no answer: [^\n]+ To go on with the others:\n {2}queue (.*)\nerror: Redis at/.exec(
      stderr,
    ) ?? [];
  expect(words(next).slice(0, -1)).toEqual([...promote, "--yes", "--cursor"]);
  expect(await count(queue, "queued")).toBe(500);
  expect(await run(queue, words(next))).toEqual({ code: 0, stdout: "Promoted 700 jobs.\n", stderr: "" });
  expect(await count(queue, "scheduled")).toBe(0);
});

it("stops after the step in hand, and tells a script how to go on", async () => {
  const interrupt = new AbortController();
  const [queue, intercepted] = await open(() => interrupt.abort(new Interrupted("SIGINT", 130)));
  const line = ["remove", "--where", "sent:<1h", "--yes", "--json"];
  const { code, stdout, stderr } = await run(intercepted, line, { signal: interrupt.signal });
  expect({ code, stderr }).toEqual({ code: 130, stderr: "" });
  const report = JSON.parse(stdout);
  expect(report).toEqual({
    changed: 1_000,
    matched: 1_000,
    complete: false,
    cursor: expect.any(String),
    next: expect.stringMatching(/^queue remove --where sent:\S+Z\.\. --json --yes --cursor \S+$/),
  });
  const rest = await run(queue, words(report.next.replace("queue ", "")));
  expect(JSON.parse(rest.stdout)).toEqual({ changed: 200, matched: 200, complete: true });
});

it("says which ids are left", async () => {
  const [queue, intercepted] = await open(unavailable);
  const stdin = Array.from({ length: 1_010 }, (_, index) => `mail-${index}`).join("\n");
  const { code, stdout, stderr } = await run(intercepted, ["promote", "-"], { stdin });
  expect({ code, stdout }).toEqual({ code: 69, stdout: "Promoted 1,000 of 1,010 jobs.\n" });
  const [, next = ""] =
    /^Stopped with 10 jobs left; to go on:\n {2}queue (promote mail-1000 .*)\n/.exec(stderr) ?? [];
  expect(await run(queue, words(next))).toEqual({ code: 0, stdout: "Promoted 10 jobs.\n", stderr: "" });
});
