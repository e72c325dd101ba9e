import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { startRedis } from "@org/test-servers";
import { describe, expect, test } from "vitest";
import { createQueue } from "../src/index.ts";
import { redisEngine } from "../src/redis/index.ts";
import {
  cleanups,
  codeOf,
  errorOf,
  increment,
  one,
  open,
  outside,
  portOf,
  read,
  script,
  serve,
  until,
} from "./redis-connection-support.ts";
import { plan, planCreate, registry } from "./runtime-support.ts";

describe("with a server of its own", () => {
  async function start(options: Parameters<typeof startRedis>[0] = { args: ["--loglevel", "notice"] }) {
    const redis = await startRedis(options);
    cleanups.push(() => redis.stop());
    return redis;
  }

  /** A server that can be killed, and comes back at the same place with what it had stored. */
  async function startDurable() {
    const directory = await mkdtemp(join(tmpdir(), "queue-connection-"));
    cleanups.push(() => rm(directory, { recursive: true, force: true }));
    const args = ["--appendonly", "yes", "--appendfsync", "always"];
    const first = await start({ directory, args });
    const port = portOf(first.url);
    return {
      url: first.url,
      pid: first.pid!,
      kill: () => process.kill(first.pid!, "SIGKILL"),
      restart: () => start({ directory, port, args }),
    };
  }

  test("killed with calls under way: all settle, none ran twice, none acknowledged is lost", async () => {
    const redis = await startDurable();
    const connection = open({ url: redis.url, waitForConnection: "15s" });
    await connection.run(one, []);
    // Fifty at a time, each until its first rejection: so fifty are under way when the server dies.
    const acknowledged: number[] = [];
    let calls = 0;
    const send = async (): Promise<unknown> => {
      for (;;) {
        const call = calls++;
        try {
          await connection.run(increment, [call]);
          acknowledged.push(call);
        } catch (error) {
          return error;
        }
      }
    };
    const senders = Array.from({ length: 50 }, send);
    await until(() => expect(acknowledged.length).toBeGreaterThan(200));
    redis.kill();
    for (const error of await Promise.all(senders))
      expect(error).toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    const text =
      "local v = {} for i = 1, ARGV[1] do v[i] = redis.call('GET', KEYS[1] .. i - 1) or 0 end return v";
    const values = connection.run(script("all", text), [calls]);
    await redis.restart();
    const runs = ((await values) as (string | number)[]).map(Number);
    expect(runs.filter((times) => times > 1)).toEqual([]);
    expect(acknowledged.filter((call) => runs[call] !== 1)).toEqual([]);
  });

  test("while it is away a call fails at once, or waits if told to", async () => {
    const redis = await startDurable();
    const hasty = open({ url: redis.url });
    const patient = open({ url: redis.url, waitForConnection: "15s" });
    const shortOfTime = open({ url: redis.url, waitForConnection: 100 });
    await Promise.all([hasty, patient, shortOfTime].map((connection) => connection.run(one, [])));
    redis.kill();
    await until(async () => expect(await codeOf(hasty.ping())).toBe("ENGINE_UNAVAILABLE"));
    expect(hasty.problem).toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    const start = performance.now();
    expect(await codeOf(hasty.run(one, []))).toBe("ENGINE_UNAVAILABLE");
    expect(performance.now() - start).toBeLessThan(1_000);
    await until(() => expect(patient.problem && shortOfTime.problem).toBeDefined());
    const waiting = patient.run(one, []);
    expect(await codeOf(shortOfTime.run(one, []))).toBe("ENGINE_UNAVAILABLE");
    expect(performance.now() - start).toBeGreaterThanOrEqual(100);
    const closing = open({ url: redis.url });
    const closed = codeOf(closing.run(one, []));
    await closing.close();
    expect(await closed).toBe("CLOSED");
    await redis.restart();
    expect(await waiting).toBe(1);
    await until(async () => expect(await hasty.run(one, [])).toBe(1));
  });

  test("while it is away a wait's timeout says so, in the engine's own words", async () => {
    const redis = await startDurable();
    const queue = createQueue({ registry, engine: redisEngine({ url: redis.url }) });
    cleanups.push(() => queue.close());
    const job = await queue.send(planCreate, plan());
    redis.kill();
    await until(async () => expect((await queue.health()).status).toBe("critical"));
    const { code, message } = await errorOf(job.wait({ timeout: 50 }));
    expect(code).toBe("WAIT_TIMEOUT");
    expect(message).toMatch(
      /didn't end within 50 ms\. Its state isn't known: Redis at .* (can't be reached: |closed the connection)/,
    );
    expect(message).not.toContain("It goes on");
  });

  test("the first connection is waited for", async () => {
    const redis = await startDurable();
    redis.kill();
    const connection = open({ url: redis.url, waitForConnection: "15s" });
    const [answer, listening] = [connection.run(one, []), connection.listen("a", () => {})];
    await until(() => expect(connection.problem?.message).toContain("ECONNREFUSED"));
    await redis.restart();
    expect(await answer).toBe(1);
    await listening;
  });

  test("a server that is frozen is left, and found again when it thaws", async () => {
    const redis = await startDurable();
    const connection = open({ url: redis.url, commandTimeout: 200, connectTimeout: 200 });
    await connection.run(one, []);
    process.kill(redis.pid, "SIGSTOP");
    cleanups.push(() => process.kill(redis.pid, "SIGCONT"));
    expect(await codeOf(connection.run(increment, ["n"]))).toBe("ENGINE_UNAVAILABLE");
    expect(await codeOf(connection.run(increment, ["n"]))).toBe("ENGINE_UNAVAILABLE");
    process.kill(redis.pid, "SIGCONT");
    await until(async () => expect(await connection.run(one, [])).toBe(1));
    expect(Number(await connection.run(read, ["n"]))).toBeLessThanOrEqual(1);
  });

  test("a password that is missing or wrong: says so, leaks none, and goes on once mended", async () => {
    const redis = await start({ args: ["--requirepass", "sesame"] });
    const place = `127.0.0.1:${portOf(redis.url)}`;
    const without = open({ url: `redis://${place}` });
    const wrong = open({ url: `redis://:open-barley@${place}` });
    for (const [connection, message] of [
      [without, /NOAUTH.*password/],
      [wrong, /WRONGPASS.*password/],
    ] as const) {
      const error = await errorOf(connection.run(one, []));
      expect(error).toMatchObject({ code: "ENGINE_MISCONFIGURED", retryable: false });
      expect(error.message).toMatch(message);
      expect(await codeOf(connection.listen("a", () => {}))).toBe("ENGINE_MISCONFIGURED");
      expect(inspect([error, connection.problem], { depth: 10, showHidden: true })).not.toContain("barley");
    }
    expect(await open({ url: `redis://:sesame@${place}` }).run(one, [])).toBe(1);
    await outside(`redis://:sesame@${place}`).config("SET", "requirepass", "");
    await until(async () => expect(await without.run(one, [])).toBe(1));
  });

  test("a user without the right to do something is told which", async () => {
    const redis = await start();
    const admin = outside(redis.url);
    await admin.call("ACL", "SETUSER", "clerk", "on", ">pw", "~*", "&*", "+@all", "-info", "-set");
    const connection = open({ url: redis.url.replace("//", "//clerk:pw@") });
    expect(await connection.run(one, [])).toBe(1);
    const error = await errorOf(connection.run(script("set", "return redis.call('SET', KEYS[1], 1)"), []));
    expect(error.code).toBe("ENGINE_MISCONFIGURED");
    expect(error.message).toContain("ACL SETUSER");
  });

  test("a policy that evicts is refused, unless allowed, and until mended", async () => {
    const redis = await start({ args: ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"] });
    const connection = open({ url: redis.url });
    const error = await errorOf(connection.run(one, []));
    expect(error).toMatchObject({ code: "ENGINE_MISCONFIGURED", retryable: false });
    expect(error.message).toMatch(/allkeys-lru.*CONFIG SET maxmemory-policy noeviction.*allowEviction: true/);
    // Nobody waits for the next try: fifty of them would take more than a minute.
    for (let call = 0; call < 50; call++)
      expect(await codeOf(connection.ping())).toBe("ENGINE_MISCONFIGURED");
    expect(await open({ url: redis.url, allowEviction: true }).run(one, [])).toBe(1);
    await outside(redis.url).config("SET", "maxmemory-policy", "noeviction");
    await until(async () => expect(await connection.run(one, [])).toBe(1));
    await outside(redis.url).config("SET", "maxmemory", "0", "maxmemory-policy", "allkeys-lru");
    expect(await open({ url: redis.url }).run(one, [])).toBe(1);
  });

  test("a full server refuses to store, and still reads", async () => {
    const redis = await start();
    const connection = open({ url: redis.url });
    await outside(redis.url).config("SET", "maxmemory", "1");
    expect(await errorOf(connection.run(increment, ["n"]))).toMatchObject({
      code: "ENGINE_FULL",
      retryable: true,
      message: expect.stringContaining("maxmemory"),
    });
    expect(await connection.run(read, ["n"])).toBe(null);
  });

  test("a server that became a replica is left until the address leads to a primary", async () => {
    const redis = await start();
    const connection = open({ url: redis.url });
    await connection.run(increment, ["n"]);
    const admin = outside(redis.url);
    await admin.replicaof("127.0.0.1", 1);
    const error = await errorOf(connection.run(increment, ["n"]));
    expect(error.code).toBe("ENGINE_UNAVAILABLE");
    expect(error.message).toContain("READONLY");
    await until(() => expect(connection.problem?.message).toContain("is a replica"));
    await admin.replicaof("NO", "ONE");
    await until(async () => expect(await connection.run(increment, ["n"])).toBe(2));
  });
});

describe("without a server", () => {
  test("one that takes connections and never answers: typed, in time", async () => {
    let connections = 0;
    const { url } = await serve(() => connections++);
    const connection = open({ url, connectTimeout: 200 });
    const [ran, listened] = await Promise.all([
      errorOf(connection.run(one, [])),
      errorOf(connection.listen("a", () => {})),
    ]);
    for (const error of [ran, listened]) {
      expect(error).toMatchObject({ code: "ENGINE_UNAVAILABLE", message: expect.stringContaining("200 ms") });
    }
    // It is not given up.
    await until(() => expect(connections).toBeGreaterThan(4));
  });

  test("close ends a connection that is being opened", async () => {
    const sockets: Socket[] = [];
    const { url } = await serve((socket) => sockets.push(socket));
    const connection = open({ url, connectTimeout: "1m" });
    const call = codeOf(connection.run(one, []));
    const socket = await until(() => sockets[0] ?? expect.fail("Nobody connected."));
    const hungUp = new Promise((resolve) => socket.on("close", resolve).resume());
    await connection.close();
    expect(await call).toBe("CLOSED");
    await hungUp;
  });

  test("one that hangs up: typed, and tried again", async () => {
    let calls = 0;
    const { url } = await serve((socket) => {
      calls++;
      socket.destroy();
    });
    const connection = open({ url, connectTimeout: 400 });
    expect(await codeOf(connection.run(one, []))).toBe("ENGINE_UNAVAILABLE");
    expect(calls).toBeGreaterThan(1);
  });

  test("a client that can't be copied: typed", async () => {
    const client = {
      options: {},
      duplicate() {
        throw new Error("no copies");
      },
    };
    const error = await errorOf(open({ client, connectTimeout: 100 }).run(one, []));
    expect(error).toMatchObject({
      code: "ENGINE_UNAVAILABLE",
      message: expect.stringContaining("no copies"),
    });
  });
});
