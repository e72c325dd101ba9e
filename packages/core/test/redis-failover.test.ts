import { startProxy, startRedis } from "@org/test-servers";
import { expect, test, vi } from "vitest";
import * as z from "zod";
import { createQueue, createRegistry, createWorker, defineMessage, type JobEvent } from "../src/index.ts";
import { redisEngine } from "../src/redis/index.ts";
import { cleanups, outside, portOf, until } from "./redis-connection-support.ts";

const message = defineMessage("M", { data: z.any(), result: z.any() });
const registry = createRegistry([message]);

/** Commands that stay below the five seconds of `wait`'s poll: what is faster was told by an event. */
const PROMPT = { timeout: 4_000 };

async function start() {
  const redis = await startRedis();
  cleanups.push(() => redis.stop());
  return redis.url;
}

function open(url: string) {
  const engine = redisEngine({ url });
  const queue = createQueue({ registry, engine });
  cleanups.push(() => engine.core.close());
  cleanups.push(() => queue.close());
  return queue;
}

/** Two servers, of which the second takes over by a command. The first lives on as its replica. */
async function startPair() {
  const [first, second] = await Promise.all([start(), start()]);
  const [old, next] = [outside(first), outside(second)];
  await next.replicaof("127.0.0.1", portOf(first));
  const info = (client: typeof old) => client.info("replication");
  await until(async () => expect(await info(old)).toContain("state=online"));
  const proxy = await startProxy({ target: first });
  cleanups.push(() => proxy.stop());
  const failOver = async () => {
    await old.call("FAILOVER", "TO", "127.0.0.1", String(portOf(second)));
    await until(async () => expect(await info(old)).toContain("role:slave"));
    await until(async () => expect(await info(next)).toContain("role:master"));
    proxy.redirectTo(second);
  };
  return { url: proxy.url, second, failOver };
}

test("after a planned failover events flow again, and until then health isn't well", {
  timeout: 40_000,
}, async () => {
  const { url, second, failOver } = await startPair();
  // It only listens: nothing that it writes is refused by the old primary.
  const listening = open(url);
  const onGap = vi.fn();
  const events: JobEvent[] = [];
  await listening.subscribe((event) => void events.push(event), { onGap });
  const job = await listening.send(message, {}, { id: "a" });
  await until(() => expect(events.map(({ type }) => type)).toEqual(["queued"]));
  const engineIsWell = async () => (await listening.health()).reasons.every(({ kind }) => kind !== "engine");
  expect(await engineIsWell()).toBe(true);
  await failOver();
  const since = performance.now();
  if (await engineIsWell()) expect(onGap).toHaveBeenCalled();
  await vi.waitFor(() => expect(onGap).toHaveBeenCalledTimes(1), { timeout: 15_000, interval: 5 });
  expect(performance.now() - since).toBeLessThan(10_000);
  expect(await engineIsWell()).toBe(true);
  const wait = job.wait(PROMPT);
  const worker = createWorker(open(second)).handle(message, async () => "done");
  await worker.start();
  expect(await wait).toBe("done");
  await worker.stop();
  expect(events.map(({ type }) => type)).toEqual(["queued", "active", "completed"]);
});

test("after a planned failover that nobody asks about, what listens finds out by itself", {
  timeout: 40_000,
}, async () => {
  const { url, second, failOver } = await startPair();
  const listening = open(url);
  const onGap = vi.fn();
  await listening.subscribe(() => {}, { onGap });
  await failOver();
  const since = performance.now();
  await vi.waitFor(() => expect(onGap).toHaveBeenCalledTimes(1), { timeout: 15_000, interval: 5 });
  expect(performance.now() - since).toBeLessThan(10_000);
  const [job, worker] = [
    await open(second).send(message, {}),
    createWorker(listening).handle(message, async () => "done"),
  ];
  await worker.start();
  expect(await job.wait(PROMPT)).toBe("done");
  await worker.stop();
});

test("after a planned failover an idle worker is woken by what is sent to the new primary", {
  timeout: 40_000,
}, async () => {
  const { url, second, failOver } = await startPair();
  // The poll comes after this test's time; it is what notices the failover on a worker's connection.
  const worker = createWorker(open(url), { pollInterval: "3s" }).handle(message, async () => "done");
  await worker.start();
  await failOver();
  const jobs = open(second);
  await until(async () => {
    const job = await jobs.send(message, {});
    const since = performance.now();
    expect(await job.wait()).toBe("done");
    expect(performance.now() - since).toBeLessThan(1_000);
  });
  await worker.stop();
});

test("a user who may not ask who listens sends, runs and hears all the same", async () => {
  const url = await start();
  await outside(url).call("ACL", "SETUSER", "default", "-pubsub");
  const queue = open(url);
  const worker = createWorker(queue).handle(message, async () => "done");
  const heard: string[] = [];
  await queue.subscribe(({ type }) => heard.push(type));
  const job = await queue.send(message, {});
  await worker.start();
  expect(await queue.wait(job)).toBe("done");
  await until(async () => expect(heard).toEqual(["queued", "active", "completed"]));
  await worker.stop();
});

test.each<[string, string, (admin: ReturnType<typeof outside>, isRefused: boolean) => Promise<unknown>]>([
  ["is full", "ENGINE_FULL", (admin, is) => admin.config("SET", "maxmemory", is ? "1" : "0")],
  [
    "refuses a command that sends need",
    "ENGINE_MISCONFIGURED",
    (admin, is) => admin.call("ACL", "SETUSER", "default", is ? "-set" : "+set"),
  ],
])("health is critical while the server %s", async (_, code, refuse) => {
  const url = await start();
  const admin = outside(url);
  const queue = open(url);
  await queue.send(message, {});
  const kinds = async () => (await queue.health()).reasons.map(({ kind }) => kind);
  expect(await kinds()).not.toContain("engine");
  await refuse(admin, true);
  await expect(queue.send(message, {})).rejects.toMatchObject({ code });
  expect(await kinds()).toEqual(["engine"]);
  await refuse(admin, false);
  await queue.send(message, {});
  expect(await kinds()).not.toContain("engine");
});

test.each([
  ["no channels", ["resetchannels"]],
  ["no right to subscribe", ["&*", "-subscribe"]],
])("a user with %s: jobs are sent, and health is critical", async (_, rights) => {
  const url = await start();
  const admin = outside(url);
  await admin.call("ACL", "SETUSER", "clerk", "on", ">pw", "~*", "+@all", ...rights);
  const other = open(url);
  await other.subscribe(() => {});
  const clerk = open(url.replace("//", "//clerk:pw@"));
  const job = await clerk.send(message, {});
  const worker = createWorker(other).handle(message, async () => "done");
  await worker.start();
  expect(await other.wait(job.id)).toBe("done");
  await expect(clerk.subscribe(() => {})).rejects.toMatchObject({ code: "ENGINE_MISCONFIGURED" });
  const { status, reasons } = await clerk.health();
  expect(status).toBe("critical");
  expect(reasons[0]).toMatchObject({ kind: "engine", text: expect.stringMatching(/NOPERM.*ACL SETUSER/) });
  await admin.call("ACL", "SETUSER", "clerk", "&*", "+subscribe");
  await until(async () => expect((await clerk.health()).status).toBe("healthy"));
  await worker.stop();
});
