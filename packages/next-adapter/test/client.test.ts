import { serve } from "@hono/node-server";
import { afterEach, describe, expect, it } from "vitest";
import { LiveClient } from "../src/client/live-client.ts";
import type { TabPorts } from "../src/client/tab-group.ts";
import type { Interest } from "../src/protocol/interests.ts";
import type { PublicJob } from "../src/protocol/public-job.ts";
import { createQueueRoutes } from "../src/routes/index.ts";
import { authorize, openApp, planCreate } from "./support/app.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function openServer() {
  const app = await openApp();
  const { handler } = createQueueRoutes({ queue: app.queue, authorize });
  const paths: string[] = [];
  const server = serve({
    port: 0,
    fetch: (request) => {
      paths.push(new URL(request.url).pathname.split("/").at(-1)!);
      return handler(request);
    },
  });
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  closers.push(
    () => app[Symbol.asyncDispose](),
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        (server as import("node:http").Server).closeAllConnections();
      }),
  );
  return { ...app, paths, url: `http://127.0.0.1:${port}/api/queue` };
}

function openClient(
  url: string,
  { user = "u1", tabs = null }: { user?: string; tabs?: TabPorts | null } = {},
) {
  return new LiveClient({ url, tabs, headers: () => ({ "x-user": user }) });
}

/** Resolves with the first value that fulfils the condition. */
function until<Value>(
  client: LiveClient,
  interest: Interest,
  isWanted: (value: Value) => boolean,
): Promise<Value> {
  return new Promise((resolve) => {
    const check = () => {
      const { value } = client.store.peek(interest);
      if (value !== undefined && isWanted(value as Value)) resolve(value as Value);
    };
    const stop = client.follow(interest, check);
    closers.push(stop);
    check();
  });
}

describe("the live client", () => {
  it("follows a job until it has ended", async () => {
    const app = await openServer();
    await app.queue.send(planCreate, { planId: "p", name: "n" }, { id: "a", userId: "u1", delay: "1h" });
    const client = openClient(app.url);
    const job = { kind: "job", id: "a" } as const;
    await until<PublicJob>(client, job, ({ state }) => state === "scheduled");
    expect(client.connection.state).toMatch(/live|connecting/);
    await app.queue.promote("a");
    await until<PublicJob>(client, job, ({ state }) => state === "completed");
    await new Promise<void>((resolve) => {
      const check = () => client.connection.state === "idle" && resolve();
      closers.push(client.onConnection(check));
      client.refetch([job]);
      check();
    });
  });

  it("shares one stream among tabs, and another tab takes over", async () => {
    const app = await openServer();
    await app.queue.send(planCreate, { planId: "p", name: "n" }, { id: "a", userId: "u1", delay: "1h" });
    const tabs = { locks: fakeLocks(), createChannel: (name: string) => new BroadcastChannel(name) };
    const [first, second] = [openClient(app.url, { tabs }), openClient(app.url, { tabs })];
    const job = { kind: "job", id: "a" } as const;
    const leave = first.follow(job, () => {});
    await until<PublicJob>(second, job, ({ state }) => state === "scheduled");
    await app.queue.send(planCreate, { planId: "p", name: "n" }, { id: "b", userId: "u1", delay: "1h" });
    await until<PublicJob | null>(second, { kind: "job", id: "b" }, (value) => value !== null);
    const streams = () => app.paths.filter((path) => path === "stream").length;
    const before = streams();
    leave();
    await app.queue.cancel("b");
    await until<PublicJob>(second, { kind: "job", id: "b" }, ({ state }) => state === "cancelled");
    expect(streams()).toBeGreaterThan(0);
    expect(before).toBeLessThan(5);
  });
});

/** Locks of one origin, as far as tabs use them. */
function fakeLocks(): TabPorts["locks"] {
  const queues = new Map<string, (() => Promise<void>)[]>();
  const next = async (name: string) => {
    const waiting = queues.get(name) ?? [];
    const hold = waiting[0];
    if (!hold) return;
    await hold();
    waiting.shift();
    void next(name);
  };
  return {
    request: ((name: string, { signal }: { signal?: AbortSignal }, callback: () => Promise<void>) =>
      new Promise<void>((resolve, reject) => {
        const waiting = queues.get(name) ?? [];
        queues.set(name, waiting);
        const hold = async () => {
          if (signal?.aborted) return;
          await callback();
          resolve();
        };
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
        waiting.push(hold);
        if (waiting.length === 1) void next(name);
      })) as never,
  };
}
