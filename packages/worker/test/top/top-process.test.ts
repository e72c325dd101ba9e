import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  type Queue,
  type Worker,
} from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { noPseudoTerminal, PseudoTerminal } from "../support/pseudo-terminal.ts";
import { runQueue } from "../support/run-queue.ts";
import { temporaryProject } from "../support/temporary-project.ts";

const NAMESPACE = "top-process";
const CONFIG = `
import { createQueue, createRegistry, defineMessage } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { defineConfig } from "@org/queue-worker";
import * as z from "zod";

const mail = defineMessage("MAIL", { data: z.object({ to: z.string() }), queue: "mails" });
const engine = () => redisEngine({ url: process.env.REDIS_URL!, namespace: "${NAMESPACE}" });
process.once("SIGUSR2", () => {
  console.warn("about to break");
  throw new Error("The app is broken");
});
export default defineConfig({ queue: () => createQueue({ registry: createRegistry([mail]), engine: engine() }) });
`;

const mail = defineMessage("MAIL", {
  data: z.object({ to: z.string() }),
  queue: "mails",
  retry: { attempts: 1 },
});

let server: TestServer;
let queue: Queue<typeof mail>;
let worker: Worker<typeof mail, string>;
let refuses = true;

beforeAll(async () => {
  server = await startRedis();
  queue = createQueue({
    registry: createRegistry([mail]),
    engine: redisEngine({ url: server.url, namespace: NAMESPACE }),
  });
  worker = createWorker(queue, { name: "mailer" }).handle(mail, ({ data }) => {
    if (data.to === "nobody" && refuses) throw new Error("No such address \u001b[2J");
  });
  await worker.start();
}, 60_000);

afterAll(async () => {
  await worker?.stop();
  await queue?.close();
  await server?.stop();
});

function options(url = server.url) {
  const cwd = temporaryProject({ "queue.config.ts": CONFIG, "package.json": '{ "type": "module" }' });
  return { cwd, env: { REDIS_URL: url } };
}

const isPaused = async () => (await queue.stats()).queues.find((each) => each.queue === "mails")!.paused;

describe("without a terminal", () => {
  it("queue top says what to do instead, and connects to nothing", async () => {
    const [plain, json] = await Promise.all([
      runQueue(["top"], options("redis://127.0.0.1:1")),
      runQueue(["top", "--json"], options("redis://127.0.0.1:1")),
    ]);
    expect([plain.code, plain.stdout, plain.stderr]).toEqual([
      64,
      "",
      "error: queue top needs a terminal that it can draw on. For one reading: queue stats\n",
    ]);
    expect(json.code).toBe(64);
    expect(JSON.parse(json.stderr).error.message).toContain("queue stats --json");
  });
});

describe.skipIf(noPseudoTerminal)(`on a terminal${noPseudoTerminal ? ` (${noPseudoTerminal})` : ""}`, () => {
  it("queue top shows queues, pauses one, opens and retries a failed job, and gives the terminal back", async () => {
    await queue
      .send(mail, { to: "nobody" }, { id: "mail-nobody" })
      .then((job) => job.wait().catch(() => undefined));
    const terminal = new PseudoTerminal(["top", "--interval", "500ms"], options());
    await terminal.shows(/> mails +0 +0 +0 +1 /);
    await terminal.shows(/^ {2}mailer +0\/10 /m);
    await terminal.shows(/MAIL .* mail-nobody .*No such address \\u001b\[2J/);

    terminal.press("p");
    await terminal.shows("Pause the queue mails?");
    terminal.press("y");
    await terminal.shows("The queue mails is paused.");
    await terminal.shows(/> mails +paused/);
    expect(await isPaused()).toBe(true);
    terminal.press("p");
    await terminal.shows("Resume the queue mails?");
    terminal.press("y");
    await terminal.shows("The queue mails is resumed.");
    expect(await isPaused()).toBe(false);

    terminal.press("4");
    terminal.press("\r");
    await terminal.shows("MAIL  mail-nobody  failed");
    refuses = false;
    terminal.press("r");
    await terminal.shows("Retry the job mail-nobody?");
    terminal.press("y");
    await terminal.shows("MAIL  mail-nobody  completed");
    terminal.press("\u001b");
    await terminal.shows("No job has failed.");

    terminal.press("q");
    const after = await terminal.ended();
    expect(after).toContain("code 0");
    expect(after).toMatch(/ icanon /);
    expect(after).toMatch(/ echo /);
    expect(after.startsWith("\u001b[?25h\u001b[?1049l"), "shows the cursor on the main screen").toBe(true);
  });

  it("gives the terminal back on signals, and when the app breaks, whose error it prints", async () => {
    const endings = [
      { signal: "SIGTERM", code: 0, prints: "" },
      { signal: "SIGUSR2", code: 1, prints: "The app is broken" },
    ] as const;
    await Promise.all(
      endings.map(async ({ signal, code, prints }) => {
        const terminal = new PseudoTerminal(["top"], options());
        await terminal.shows("1 QUEUES");
        terminal.kill(signal);
        const after = await terminal.ended();
        expect(after, signal).toContain(`code ${code}`);
        expect(after, signal).toMatch(/ icanon /);
        expect(after).toContain(prints);
        if (prints) expect(after).toContain("about to break");
      }),
    );
  });

  it("lets a user look who may only read, says what can't be done, and goes on once the server is back", async () => {
    const admin = new Redis(server.url);
    const rights =
      "on >pw ~* &* -@all +@read +@connection +eval +evalsha +info +time +subscribe +unsubscribe";
    await admin.call("ACL", "SETUSER", "looker", ...rights.split(" "));
    const url = new URL(server.url);
    url.username = "looker";
    url.password = "pw";
    try {
      const terminal = new PseudoTerminal(["top", "--interval", "500ms"], options(url.href));
      await terminal.shows("> mails");
      terminal.press("p");
      await terminal.shows("Pause the queue mails?");
      terminal.press("y");
      await terminal.shows("This user may not do that. Redis at");
      expect(await isPaused()).toBe(false);

      await admin.call("ACL", "SETUSER", "looker", "-@all");
      await terminal.shows(/^ No data since .* UTC, trying again\. /);
      await admin.call("ACL", "SETUSER", "looker", ...rights.split(" "));
      await terminal.shows(/^ queue top /);
      terminal.press("\u0003");
      expect(await terminal.ended()).toContain("code 0");
    } finally {
      await admin.call("ACL", "DELUSER", "looker");
      await admin.quit();
    }
  });
});
