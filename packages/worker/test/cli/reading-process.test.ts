import { once } from "node:events";
import { createQueue, createRegistry, createWorker, defineMessage, type Queue } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod";
import { RunningCommand } from "../support/command-in-process.ts";
import { runQueue, startQueue } from "../support/run-queue.ts";
import { temporaryProject } from "../support/temporary-project.ts";

const NAMESPACE = "reading-process";
const MESSAGES = `
import { createQueue, createRegistry, defineMessage } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { defineConfig } from "@org/queue-worker";
import * as z from "zod";

const mail = defineMessage("MAIL", { data: z.object({ to: z.string() }), queue: "mails" });
const engine = () => redisEngine({ url: process.env.REDIS_URL!, namespace: "${NAMESPACE}" });
export default defineConfig({ queue: () => createQueue({ registry: createRegistry([mail]), engine: engine() }) });
`;

const silent = { warn: () => undefined, error: () => undefined };
const mail = defineMessage("MAIL", {
  data: z.object({ to: z.string() }),
  queue: "mails",
  retry: { attempts: 1 },
});
let server: TestServer;
let stop = async () => {};
let send = (_to: string): Promise<{ wait(): Promise<unknown> }> => Promise.reject(new Error("not started"));

beforeAll(async () => {
  server = await startRedis();
  const engine = redisEngine({ url: server.url, namespace: NAMESPACE });
  const queue = createQueue({ registry: createRegistry([mail]), engine });
  const worker = createWorker(queue).handle(mail, ({ data }) => {
    if (data.to === "nobody") throw new Error("No such address");
  });
  await worker.start();
  send = (to) => queue.send(mail, { to }, { id: `mail-${to}` });
  stop = async () => {
    await worker.stop();
    await queue.close();
  };
}, 60_000);

afterAll(async () => {
  await stop();
  await server?.stop();
});

const project = () => {
  const cwd = temporaryProject({ "queue.config.ts": MESSAGES, "package.json": '{ "type": "module" }' });
  return { cwd, env: { REDIS_URL: server.url } };
};

it("reads a Redis server from a process of its own", async () => {
  await (await send("nobody")).wait().catch(() => undefined);
  const options = project();
  const [wait, jobs] = await Promise.all([
    runQueue(["wait", "mail-nobody"], options),
    runQueue(["jobs", "state:failed", "--ids"], options),
  ]);
  expect(wait).toMatchObject({ code: 1, stdout: "" });
  expect(jobs).toEqual({ code: 0, stdout: "mail-nobody\n", stderr: "" });
});

it("reads with a user who may only read", async () => {
  await send("ada");
  const admin = new Redis(server.url);
  await admin.call(
    ...([
      "ACL",
      "SETUSER",
      "reader",
      "on",
      ">pw",
      "~*",
      "&*",
      "-@all",
      "+@read",
      "+@connection",
      "+eval",
    ] as const),
    ...(["+evalsha", "+info", "+time", "+subscribe", "+unsubscribe"] as const),
  );
  const { cwd } = project();
  const url = new URL(server.url);
  url.username = "reader";
  url.password = "pw";
  const options = { cwd, env: { REDIS_URL: url.href } };
  try {
    const [wait, queues] = await Promise.all([
      runQueue(["wait", "mail-ada"], options),
      runQueue(["queues", "--json"], options),
    ]);
    expect(wait).toMatchObject({ code: 0, stderr: expect.stringContaining("may not subscribe to events") });
    expect(JSON.parse(queues.stdout)).toMatchObject([{ queue: "mails", workers: 1 }]);
  } finally {
    await admin.call("ACL", "DELUSER", "reader");
    await admin.quit();
  }
});

it("tells when a tail has missed events", async () => {
  const engine = redisEngine({ url: server.url, namespace: NAMESPACE });
  const queue = createQueue({ registry: createRegistry([mail]), engine, logger: silent });
  const interrupt = new AbortController();
  const tail = new RunningCommand(queue as unknown as Queue, ["tail"], { signal: interrupt.signal });
  await tail.subscribed();
  const admin = new Redis(server.url);
  await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
  await admin.quit();
  await tail.printed("The connection was lost and is back");
  interrupt.abort();
  expect((await tail.done).code).toBe(0);
  await queue.close();
});

it("ends a tail with Ctrl-C, and closes its connection", async () => {
  const child = startQueue(["tail", "state:completed", "--json"], project());
  child.stdout!.setEncoding("utf8");
  child.stderr!.setEncoding("utf8");
  expect(await once(child.stderr!, "data")).toEqual(["Waiting for events. Ctrl-C ends it.\n"]);
  await send("tail");
  const [line] = (await once(child.stdout!, "data")) as [string];
  expect(JSON.parse(line)).toMatchObject({ type: "completed", id: "mail-tail" });
  const exit = once(child, "exit");
  child.kill("SIGINT");
  expect(await exit).toEqual([0, null]);
});
