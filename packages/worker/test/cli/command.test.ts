import { once } from "node:events";
import { openSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runQueue, startQueue } from "../support/run-queue.ts";
import { CONFIG, temporaryProject } from "../support/temporary-project.ts";

const project = (config = CONFIG) => temporaryProject({ "queue.config.ts": config });

describe("queue check", () => {
  test("shows the messages of the config, and which have handlers", async () => {
    const cwd = project();
    const [text, json] = await Promise.all([
      runQueue(["check"], { cwd }),
      runQueue(["check", "--json"], { cwd }),
    ]);
    expect(text).toEqual({
      code: 0,
      stdout: `ok ${cwd}/queue.config.ts

queue mails
  MAIL    v1    handled

queue default
  REPORT  v2    no handler

warning: No handler for REPORT: its jobs wait for another app's workers.

No server was contacted: queue doctor does that.
`,
      stderr: "",
    });
    expect(JSON.parse(json.stdout)).toEqual({
      config: join(cwd, "queue.config.ts"),
      queues: ["mails", "default"],
      messages: [
        { name: "MAIL", version: 1, queue: "mails", handled: true },
        { name: "REPORT", version: 2, queue: "default", handled: false },
      ],
      warnings: ["No handler for REPORT: its jobs wait for another app's workers."],
    });
  });

  test.each<[string, string, string, Record<string, string>]>([
    ["handlers of unknown messages", "{ MAIL:", "{ MAIL: async () => {}, REPOR:", {}],
    ["an engine that the environment lacks", "memoryEngine()", "engineFromEnv()", {}],
    ["a variable that can't be read", "", "", { QUEUE_PROCESSES: "x" }],
  ])("refuses %s", async (what, from, to, env) => {
    const cwd = project(CONFIG.replace(from, to).replace("memoryEngine }", "memoryEngine, engineFromEnv }"));
    const { code, stdout, stderr } = await runQueue(["check"], { cwd, env });
    expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
    expect(stderr.replaceAll(cwd, "~")).toBe(MESSAGES[what]);
  });

  const MESSAGES: Record<string, string> = {
    "handlers of unknown messages":
      "error: ~/queue.config.ts: handlers.REPOR is for no message of the registry. Did you mean REPORT?\n",
    "an engine that the environment lacks":
      "error: ~/queue.config.ts:10: engineFromEnv: no Redis is named, and in production the embedded engine would lose every " +
      'job with its process. Set REDIS_URL ("redis://host:6379"); or QUEUE_ENGINE=memory if that is meant.\n',
    "a variable that can't be read": 'error: QUEUE_PROCESSES is "x": expected a whole number from 1 to 64.\n',
  };
});

describe("the process of a command", () => {
  const MANY = CONFIG.replace(
    "createRegistry([mail, report])",
    'createRegistry([mail, ...Array.from({ length: 5_000 }, (_, i) => defineMessage("M" + i, { data: z.object({}) }))])',
  );

  test("ends silently when nobody reads on, as `| head` does", async () => {
    const child = startQueue(["check"], { cwd: project(MANY) });
    const lines = createInterface({ input: child.stdout! });
    await once(lines, "line");
    child.stdout!.destroy();
    let errors = "";
    child.stderr!.on("data", (chunk) => (errors += chunk));
    expect(await once(child, "close")).toEqual([141, null]);
    expect(errors).toBe("");
  });

  test("says in a line that its output can't be written", async () => {
    const stdout = openSync("/dev/full", "w");
    const { code, stderr } = await runQueue(["--help"], { cwd: "/", stdout });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "error: The output can't be written: ENOSPC: no space left on device, write\n",
    });
  });

  test("says in a line what the app throws in the background", async () => {
    const config = CONFIG.replace(
      "queue: () =>",
      'queue: () => new Promise(() => setTimeout(() => { throw new Error("late"); })) ??',
    );
    const { code, stdout, stderr } = await runQueue(["check"], { cwd: project(config) });
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr: "error: late\n--verbose prints where it is from.\n",
    });
  });

  test("prints results to stdout, warnings of the app to stderr, and ends although it leaves something open", async () => {
    const config = CONFIG.replace("queue: () =>", 'close: () => console.log("closed"),\n  queue: () =>');
    const noisy = `${config}console.info("loaded"); setInterval(() => {}, 1_000);`;
    const cwd = project(`${noisy}console.warn("warned");`);
    const { code, stdout, stderr } = await runQueue(["check", "--json"], { cwd });
    expect(stderr).toBe("warned\n");
    const verbose = await runQueue(["check", "--json", "--verbose"], { cwd });
    expect(verbose.stderr).toBe("loaded\nwarned\nclosed\n");
    expect(verbose.stdout).toBe(stdout);
    expect(JSON.parse(stdout).queues).toEqual(["mails", "default"]);
    expect(code).toBe(0);
  });

  test("is asked to stop by the first signal, and ended by the second", async () => {
    const program = fileURLToPath(new URL("../programs/interruptible.ts", import.meta.url));
    const child = startQueue([], { cwd: "/", program });
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const exit = once(child, "exit");
    expect((await lines.next()).value).toBe("ready");
    child.kill("SIGINT");
    expect((await lines.next()).value).toBe("Interrupted by SIGINT.");
    child.kill("SIGTERM");
    expect(await exit).toEqual([143, null]);
  });
});
