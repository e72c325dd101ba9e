import { execFile } from "node:child_process";
import { join } from "node:path";
import { inspect, promisify } from "node:util";
import { startRedis } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { isQueueError } from "../src/errors/index.ts";
import {
  cleanups,
  codeOf,
  errorOf,
  holdWrites,
  increment,
  one,
  open,
  outside,
  portOf,
  prefix,
  script,
  startProxy,
  until,
} from "./redis-connection-support.ts";

describe("with one server", () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let url: string;
  beforeAll(async () => {
    redis = await startRedis({ args: ["--lua-time-limit", "20"] });
    url = redis.url;
  });
  afterAll(() => redis.stop());

  test("a script runs with the prefix and its arguments, and answers", async () => {
    const connection = open({ url });
    expect(await connection.run(script("echo", "return {KEYS[1], ARGV[1], ARGV[2]}"), ["é", 7])).toEqual([
      prefix,
      "é",
      "7",
    ]);
    expect(await connection.ping()).toBeGreaterThan(0);
    expect(connection.problem).toBe(undefined);
  });

  test("answers come in the order of the calls", async () => {
    const connection = open({ url });
    const calls = Array.from({ length: 1_000 }, () => connection.run(increment, ["n"]));
    expect(await Promise.all(calls)).toEqual(calls.map((_, index) => index + 1));
  });

  test("scripts that the server forgot are sent again", async () => {
    const connection = open({ url });
    expect(await connection.run(increment, ["n"])).toBe(1);
    await outside(url).script("FLUSH");
    expect(await Promise.all([connection.run(increment, ["n"]), connection.run(increment, ["n"])])).toEqual([
      2, 3,
    ]);
    expect(await outside(url).script("EXISTS", increment.sha)).toEqual([1]);
  });

  test("a connection killed with calls under way: all are rejected, none runs, and it goes on", async () => {
    const connection = open({ url, waitForConnection: "10s" });
    await connection.run(one, []);
    const admin = outside(url);
    const { arrived, resume } = await holdWrites(admin);
    const calls = Array.from({ length: 10 }, () => errorOf(connection.run(increment, ["n"])));
    await arrived();
    await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({ code: "ENGINE_UNAVAILABLE", retryable: true });
    }
    await resume();
    expect(await connection.run(increment, ["n"])).toBe(1);
    expect(connection.problem).toBe(undefined);
  });

  test("an error of the script's own is no engine's error, and names the script", async () => {
    const connection = open({ url });
    const call = connection.run(script("broken", "return nothing.here"), ["secret"]);
    const error = await call.then(String, (reason: Error) => reason);
    if (typeof error === "string") throw new Error(error);
    expect(isQueueError(error)).toBe(false);
    expect(error.message).toMatch(/The script "broken" failed: .*nothing/);
    expect(inspect(error, { depth: 10 })).not.toContain("secret");
  });

  test("Redis before 7 wraps the errors of commands; they are understood as well", async () => {
    const connection = open({ url });
    const wrapped =
      "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed when used memory > 'maxmemory'.";
    const text = `return redis.error_reply(${JSON.stringify(wrapped)})`;
    expect(await codeOf(connection.run(script("wrapped", text), []))).toBe("ENGINE_FULL");
  });

  test("a server that a script keeps busy is away for now", async () => {
    const connection = open({ url });
    await connection.run(one, []);
    const [hog, admin] = [outside(url), outside(url)];
    // A client that connects meanwhile finds the server busy, and never gets to kill the script.
    await admin.ping();
    const hogging = hog.eval("while true do end", 0).catch(() => {});
    await until(async () => expect(await codeOf(connection.run(one, []))).toBe("ENGINE_UNAVAILABLE"));
    await admin.script("KILL");
    await hogging;
    expect(await connection.run(one, [])).toBe(1);
  });

  test.each([2, 3] as const)("listens to channels with RESP%d", async (protocol) => {
    const connection = open({ client: new Redis(url, { protocol, lazyConnect: true }) });
    const admin = outside(url);
    const [channel, other] = [`${prefix}0:a`, `${prefix}0:b`];
    const heard: string[] = [];
    const [stopFirst, stopSecond] = await Promise.all([
      connection.listen("a", (message) => heard.push(`first ${message}`)),
      connection.listen("a", (message) => heard.push(`second ${message}`)),
    ]);
    await connection.listen("b", (message) => heard.push(`other ${message}`));
    expect(await admin.publish(channel, "1")).toBe(1);
    await until(() => expect(heard).toEqual(["first 1", "second 1"]));
    await stopFirst();
    await stopFirst();
    await admin.publish(channel, "2");
    await admin.publish(other, "3");
    await until(() => expect(heard.slice(2)).toEqual(["second 2", "other 3"]));
    await stopSecond();
    expect(await admin.publish(channel, "4")).toBe(0);
    const stopThird = await connection.listen("a", (message) => heard.push(`third ${message}`));
    await admin.publish(channel, "5");
    await until(() => expect(heard.slice(4)).toEqual(["third 5"]));
    await stopThird();
  });

  test.each([2, 3] as const)(
    "listening survives a killed connection and tells of the gap, RESP%d",
    async (protocol) => {
      const connection = open({ client: new Redis(url, { protocol, lazyConnect: true }) });
      const admin = outside(url);
      const heard: string[] = [];
      const onGap = vi.fn();
      await connection.listen("a", (message) => heard.push(message), onGap);
      await connection.listen("b", (message) => heard.push(message), onGap);
      expect(onGap).not.toHaveBeenCalled();
      expect(await admin.call("CLIENT", "KILL", "TYPE", "pubsub")).toBe(1);
      await until(() => expect(onGap).toHaveBeenCalledTimes(2));
      expect(await admin.publish(`${prefix}0:a`, "after")).toBe(1);
      expect(await admin.publish(`${prefix}0:b`, "after")).toBe(1);
      await until(() => expect(heard).toEqual(["after", "after"]));
    },
  );

  test("a listening connection that fell silent is replaced", async () => {
    const proxy = await startProxy(url);
    const connection = open({ url: proxy.url, commandTimeout: 200 }, { checkInterval: 50 });
    const heard: string[] = [];
    const onGap = vi.fn();
    await connection.listen("a", (message) => heard.push(message), onGap);
    proxy.fallSilent();
    await until(() => expect(onGap).toHaveBeenCalledTimes(1));
    await outside(url).publish(`${prefix}0:a`, "after");
    await until(() => expect(heard).toEqual(["after"]));
    expect(proxy.countConnections()).toBe(3);
  });

  test("a call on a connection that fell silent is rejected, and the next one works", async () => {
    const proxy = await startProxy(url);
    const connection = open({ url: proxy.url, commandTimeout: 200, waitForConnection: "10s" });
    await connection.run(one, []);
    proxy.fallSilent();
    const error = await errorOf(connection.run(one, []));
    expect(error).toMatchObject({ code: "ENGINE_UNAVAILABLE", message: expect.stringContaining("200 ms") });
    expect(await connection.run(one, [])).toBe(1);
  });

  test("a connection that answers is kept, busy or idle", async () => {
    const proxy = await startProxy(url);
    const connection = open({ url: proxy.url, commandTimeout: 100 });
    const end = performance.now() + 400;
    while (performance.now() < end) await connection.run(one, []);
    // That nothing happens while it is idle, for three times the deadline, is what is tested.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await connection.run(one, [])).toBe(1);
    expect(proxy.countConnections()).toBe(1);
  });

  test("a process that stood still for longer than the deadline keeps its connection", async () => {
    const connection = open({ url, commandTimeout: 100 });
    await connection.run(one, []);
    const answer = connection.run(one, []);
    const end = performance.now() + 400;
    while (performance.now() < end);
    expect(await answer).toBe(1);
    expect(connection.problem).toBe(undefined);
  });

  test("close rejects the calls under way, and those after it", async () => {
    const connection = open({ url });
    await connection.run(one, []);
    const { arrived } = await holdWrites(outside(url));
    const calls = [1, 2, 3].map(() => codeOf(connection.run(increment, ["n"])));
    await arrived();
    await Promise.all([connection.close(), connection.close()]);
    expect(await Promise.all(calls)).toEqual(["CLOSED", "CLOSED", "CLOSED"]);
    expect(await codeOf(connection.run(one, []))).toBe("CLOSED");
    expect(await codeOf(connection.ping())).toBe("CLOSED");
    expect(await codeOf(connection.listen("a", () => {}))).toBe("CLOSED");
  });

  test("close ends both connections on the server", async () => {
    const name = `closing-${process.pid}`;
    const connection = open({ client: new Redis(url, { connectionName: name, lazyConnect: true }) });
    await connection.run(one, []);
    await connection.listen("a", () => {});
    const admin = outside(url);
    const ours = async () => String(await admin.client("LIST")).split(`name=${name}`).length - 1;
    expect(await ours()).toBe(2);
    await connection.close();
    await until(async () => expect(await ours()).toBe(0));
  });

  test("the user's client stays as it was", async () => {
    const waiting = new Redis(url, { lazyConnect: true });
    const used = outside(url);
    await used.set(`${prefix}mine`, "1");
    const [first, second] = [open({ client: waiting }), open({ client: used })];
    expect(await first.run(increment, ["n"])).toBe(1);
    expect(await second.run(increment, ["n"])).toBe(2);
    await Promise.all([first.close(), second.close()]);
    expect(waiting.status).toBe("wait");
    expect(used.status).toBe("ready");
    expect(await used.get(`${prefix}mine`)).toBe("1");
  });

  test("a client's settings that would change what a call means are undone", async () => {
    const client = new Redis(url, {
      lazyConnect: true,
      db: 3,
      stringNumbers: true,
      replyMapping: "resp3",
      enableAutoPipelining: true,
      commandTimeout: 1,
    });
    const connection = open({ client });
    const slow = script(
      "slow",
      "local e = redis.call('TIME')[2] + 0 for i = 1, 300000 do e = e + 1 end return 5",
    );
    expect(await connection.run(slow, [])).toBe(5);
    await connection.run(increment, ["n"]);
    const third = new Redis(url, { db: 3 });
    cleanups.push(() => third.disconnect());
    expect(await third.get(`${prefix}n`)).toBe("1");
  });

  test("Sentinels are handed on, and each try begins at the next one", async () => {
    const handed: Record<string, unknown>[] = [];
    const sentinels = [{ host: "a" }, { host: "b" }, { host: "c" }];
    // No instance of our ioredis: a copy of another version's class looks like this.
    const client = {
      options: { sentinels, name: "main", role: "slave", password: "secret" },
      duplicate(override: Record<string, unknown>) {
        handed.push(override);
        const { sentinels: _, ...rest } = override;
        const place = handed.length < 3 ? { port: 1 } : { port: portOf(url) };
        return new Redis({ ...rest, ...place });
      },
    };
    const connection = open({ client });
    expect(await connection.run(one, [])).toBe(1);
    expect(
      handed.map((options) => (options.sentinels as typeof sentinels).map(({ host }) => host).join("")),
    ).toEqual(["abc", "bca", "cab"]);
    expect(handed[0]).toMatchObject({
      role: "master",
      retryStrategy: null,
      sentinelRetryStrategy: null,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
    });
    expect(handed[0]).not.toHaveProperty("name");
    expect(handed[0]).not.toHaveProperty("password");
  });

  test.each([
    [
      "a version that is too old",
      /redis_version:\d/,
      "redis_version:5",
      "ENGINE_MISCONFIGURED",
      "6.2 or later",
    ],
    ["a server that still loads its data", /loading:0/, "loading:1", "ENGINE_UNAVAILABLE", "loads its data"],
    ["a replica", /role:master/, "role:slave ", "ENGINE_UNAVAILABLE", "primary"],
  ])("%s is refused", async (_, said, changed, code, message) => {
    let isMended = false;
    const proxy = await startProxy(url, (reply) =>
      // As long as before, so that the length that the protocol gives stays true.
      isMended ? reply : reply.replace(said, changed),
    );
    const connection = open({ url: proxy.url, connectTimeout: 500 });
    const error = await errorOf(connection.run(one, []));
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(connection.problem?.code).toBe(code);
    isMended = true;
    await until(async () => expect(await connection.run(one, [])).toBe(1));
    expect(connection.problem).toBe(undefined);
  });

  test("a database that the server doesn't have is refused, and no other is used", async () => {
    const error = await errorOf(open({ url: `${url}/99` }).run(increment, ["n"]));
    expect(error).toMatchObject({ code: "ENGINE_MISCONFIGURED", retryable: false });
    expect(error.message).toMatch(/DB index.*database/);
    expect(await outside(url).get(`${prefix}n`)).toBe(null);
  });

  test.each(["close() after calls", "close() without Redis"])("a process ends by itself: %s", async (how) => {
    const away = how.includes("without");
    const program = `
      import { IoredisConnection } from ${JSON.stringify(join(import.meta.dirname, "../src/redis/connection/ioredis-connection.ts"))};
      import { resolveRedisOptions } from ${JSON.stringify(join(import.meta.dirname, "../src/redis/redis-options.ts"))};
      const url = ${JSON.stringify(away ? "redis://127.0.0.1:1" : url)};
      const connection = new IoredisConnection(resolveRedisOptions({ url, connectTimeout: ${away ? 1_000 : 10_000} }), "{exit}:");
      const one = ${JSON.stringify(one)};
      const calls = [connection.run(one, []), connection.listen("exit", () => {})];
      for (const { status, reason } of await Promise.allSettled(calls)) console.log(status, reason?.code);
      const late = connection.run(one, []).catch(() => {});
      await connection.close();
      await late;
      const pending = () => process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP/.test(kind)).join();
      // A closed socket is gone some turns of the event loop later.
      for (let turn = 0; turn < 1000 && pending() !== ""; turn++) await new Promise(setImmediate);
      console.log("pending", pending());`;
    const run = promisify(execFile);
    const args = ["--conditions=@org/source", "--input-type=module", "--eval", program];
    const { stdout, stderr } = await run(process.execPath, args, { timeout: 15_000 });
    expect(stderr).toBe("");
    const settled = away ? "rejected ENGINE_UNAVAILABLE" : "fulfilled undefined";
    expect(stdout.trim().split("\n")).toEqual([settled, settled, "pending"]);
  });
});
