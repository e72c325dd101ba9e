import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisEngine } from "../src/redis/index.ts";

let server: TestServer;
let admin: Redis;
beforeAll(async () => {
  server = await startRedis({ args: ["--appendonly", "no"] });
  admin = new Redis(server.url);
});
afterAll(async () => {
  await admin?.quit();
  await server?.stop();
});

async function diagnose(options: { user?: string; url?: string; namespace?: string } = {}) {
  const { user, url = server.url, namespace = "diagnosis" } = options;
  const engine = redisEngine({ url: user ? url.replace("//", `//${user}:pw@`) : url, namespace });
  const findings = await engine.core.diagnose!();
  await engine.core.close();
  return {
    checks: findings.map(({ check }) => check),
    find: (check: string) => findings.find((each) => each.check === check),
  };
}

async function user(name: string, ...rights: readonly string[]) {
  await admin.call("ACL", "SETUSER", name, "reset", "on", ">pw", ...rights);
}

const guide = readFileSync(new URL("../../../docs/guide.md", import.meta.url), "utf8");
const [, rule = ""] = /^```\nACL SETUSER \S+ on \S+ (.*?)^```$/ms.exec(guide) ?? [];
const rights = rule.replaceAll("{queue}", "{diagnosis}").trim().split(/\s+/);

describe("the rights of a user", () => {
  test("are those of the guide", async () => {
    await user("guided", ...rights);
    expect((await diagnose({ user: "guided" })).find("rights")).toMatchObject({ status: "ok" });
  });

  test("that is missing is named, whichever it is", async () => {
    const commands = rights.filter((word) => word.startsWith("+") && !["+eval", "+ping"].includes(word));
    // Not called by the check: what it finds is read by a script, or it runs what ends a subscription.
    const untried = ["+unsubscribe", "+info"];
    for (const command of commands.filter((word) => !untried.includes(word))) {
      await user("lacking", ...rights.filter((word) => word !== command));
      const { status, remedy } = (await diagnose({ user: "lacking" })).find("rights")!;
      expect([command, status]).toEqual([command, "problem"]);
      expect(remedy).toContain(` ${command}`);
    }
  });

  test("that a call lacks are named with the user, also where a script is refused inside", async () => {
    const refusalOf = async (...given: readonly string[]) => {
      await user("lacking", ...given);
      const engine = redisEngine({ url: server.url.replace("//", "//lacking:pw@"), namespace: "diagnosis" });
      const error: Error = await engine.queues.pause("mails").then(
        () => expect.unreachable(),
        (thrown) => thrown,
      );
      await engine.core.close();
      return error.message;
    };
    const reading = ["~*", "&*", "+@read", "+@connection", "+info", "+eval", "+time"];
    expect(await refusalOf(...reading)).toContain("refused: NOPERM The user lacking may not call evalsha. ");
    const inside = await refusalOf(...reading, "+evalsha");
    expect(inside).toMatch(
      /refused: NOPERM The user lacking may not call [^.]*\. Use another user, or give /,
    );
    expect(inside).not.toMatch(/@all|script:/);
  });

  test("to keys and channels are named as rules", async () => {
    await user("elsewhere", "~other:*", "&other:*", "+@all");
    expect((await diagnose({ user: "elsewhere" })).find("rights")).toMatchObject({
      status: "problem",
      remedy: "ACL SETUSER elsewhere ~{diagnosis}:* &{diagnosis}:*",
    });
  });

  test("to read only are a warning, and the rest is looked at", async () => {
    await user("reader", "~*", "&*", "+@read", "+@connection", "+eval", "+evalsha", "+time");
    const { find } = await diagnose({ user: "reader" });
    expect(find("rights")).toMatchObject({ status: "warning" });
    expect(find("server")).toMatchObject({ status: "skipped", remedy: expect.stringContaining("+info") });
    expect(find("clock")).toMatchObject({ status: "ok" });
  });

  test("are tried without changing anything", async () => {
    await admin.set("{diagnosis}:layout", "1");
    const before = await admin.keys("*");
    await diagnose();
    expect((await admin.keys("*")).sort()).toEqual(before.sort());
  });
});

test("a server's settings are judged, also where the engine refuses it", async () => {
  await admin.config("SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru");
  const { find } = await diagnose();
  await admin.config("SET", "maxmemory", "0", "maxmemory-policy", "noeviction");
  expect(find("eviction")).toMatchObject({
    status: "problem",
    remedy: expect.stringContaining("noeviction"),
  });
  expect(find("persistence")).toMatchObject({
    status: "warning",
    text: expect.stringContaining("Nothing is written"),
  });
  expect(find("rights")).toMatchObject({ status: "ok" });
  await admin.config("SET", "save", "3600 1");
  expect((await diagnose()).find("persistence")).toMatchObject({
    text: expect.stringContaining("Snapshots only"),
  });
});

test("another layout of the namespace is a problem", async () => {
  await admin.set("{future}:layout", "9");
  expect((await diagnose({ namespace: "future" })).find("namespace")).toMatchObject({ status: "problem" });
});

describe("a server that isn't there", () => {
  test.each([
    ["refuses", "redis://127.0.0.1:1"],
    ["has no address", "redis://nowhere.invalid"],
    ["has a password", ""],
  ])("%s: one problem", async (name, url) => {
    if (name === "has a password") await admin.config("SET", "requirepass", "sesame");
    const { checks, find } = await diagnose(url ? { url } : {});
    if (name === "has a password") await admin.config("SET", "requirepass", "");
    expect(checks).toEqual(["connection"]);
    expect(find("connection")).toMatchObject({ status: "problem" });
  });

  test("is silent: it ends nevertheless", async () => {
    const silent: Server = createServer((socket) => void socket.on("error", () => {}));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    const engine = redisEngine({ url: `redis://127.0.0.1:${port}`, connectTimeout: "300ms" });
    expect(await engine.core.diagnose!()).toMatchObject([{ check: "connection", status: "problem" }]);
    await engine.core.close();
    silent.close();
  });
});
