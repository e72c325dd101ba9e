import { readFileSync } from "node:fs";
import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { createRegistry, defineMessage } from "../src/contract/index.ts";
import type { CompleteEngine } from "../src/engine/engine.ts";
import { createQueue } from "../src/index.ts";
import { IoredisConnection } from "../src/redis/connection/ioredis-connection.ts";
import { redisEngine } from "../src/redis/index.ts";
import { RedisEngine } from "../src/redis/redis-engine.ts";
import { resolveRedisOptions } from "../src/redis/redis-options.ts";
import {
  type ConformanceCase,
  conformanceCases,
  describeEngine,
  type EngineUnderTest,
  runtimeCases,
} from "../src/testing/conformance/index.ts";
import { newJob } from "../src/testing/conformance/new-job.ts";
import { systemClock } from "../src/timing/clock.ts";
import { FakeTimeConnection } from "./redis-fake-time.ts";

const USER = `conformance-${process.pid}`;
const PASSWORD = "conformance";
/** What the guide gives the user of an engine, as the words after `ACL SETUSER`: the cases run with that, and no more. */
const RIGHTS = rightsOfTheGuide();

const ping = defineMessage("PING", { data: z.object({}) });

let server: TestServer;
let admin: Redis;
let callsBefore: ReadonlyMap<string, number>;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  await admin.call("ACL", "SETUSER", USER, "reset", "on", `>${PASSWORD}`, ...RIGHTS);
  callsBefore = await callsByCommand();
}, 180_000);

afterAll(async () => {
  await admin?.call("ACL", "DELUSER", USER);
  await admin?.quit();
  await server?.stop();
});

function rightsOfTheGuide(): readonly string[] {
  const guide = readFileSync(new URL("../../../docs/guide.md", import.meta.url), "utf8");
  const command = /^```\nACL SETUSER \S+ on \S+ (.*?)^```$/ms.exec(guide)?.[1] ?? "";
  const namespaces = `{conformance-${process.pid}-*}`;
  return command
    .trim()
    .split(/\s+/)
    .map((right) => right.replace("{queue}", namespaces));
}

/** From `INFO`: also of the commands that scripts call. */
async function callsByCommand(): Promise<ReadonlyMap<string, number>> {
  const info = await admin.info("commandstats");
  return new Map(
    [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, command, calls]) => [
      command!,
      Number(calls),
    ]),
  );
}

function urlOfTheUser(): string {
  const url = new URL(server.url);
  url.username = USER;
  url.password = PASSWORD;
  return url.href;
}

let namespaces = 0;

/** On the server's time, for cases in which it meets timers: those of the runtime, and of waits. */
const isTimed = ({ section }: ConformanceCase) =>
  runtimeCases.some((each) => each.section === section) || /^time$|^waiting for /.test(section);

async function openRedis(): Promise<EngineUnderTest & { readonly engine: CompleteEngine }> {
  const namespace = `conformance-${process.pid}-${namespaces++}`;
  const engines: CompleteEngine[] = [];
  const open = () => {
    const engine = redisEngine({ url: urlOfTheUser(), namespace });
    engines.push(engine);
    return engine;
  };
  return {
    engine: open(),
    clock: systemClock,
    elapse: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    peer: async () => open(),
    close: async () => {
      await Promise.all(engines.map((engine) => engine.core.close()));
    },
  };
}

/** The same engine on a fake time, which a case advances without waiting. */
async function openOnFakeTime(): Promise<EngineUnderTest> {
  const namespace = `conformance-${process.pid}-${namespaces++}`;
  const options = resolveRedisOptions({ url: urlOfTheUser(), namespace });
  const prefix = `{${namespace}}:`;
  const connections: FakeTimeConnection[] = [];
  const open = () => {
    const connection = new FakeTimeConnection(new IoredisConnection(options, prefix), admin, prefix);
    connections.push(connection);
    return new RedisEngine({ connection, tombstones: options.tombstones });
  };
  const engine = open();
  const [clock] = connections;
  await clock!.start(Date.now());
  return {
    engine,
    clock: systemClock,
    elapse: (milliseconds) => clock!.advance(milliseconds),
    peer: async () => open(),
    close: async () => {
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}

describeEngine({
  name: "redis",
  // They mostly wait.
  runner: { describe, test: test.concurrent },
  open: openRedis,
  cases: conformanceCases.filter(isTimed),
});

describeEngine({
  name: "redis",
  runner: { describe, test },
  open: openOnFakeTime,
  cases: conformanceCases.filter((each) => !isTimed(each)),
});

describe("the rights that docs/guide.md gives to the user", () => {
  test("let tombstones make room for new ones", async () => {
    const queue = createQueue({
      registry: createRegistry([ping]),
      engine: redisEngine({
        url: urlOfTheUser(),
        namespace: `conformance-${process.pid}-tombstones`,
        tombstones: { count: 1 },
      }),
    });
    for (const id of ["a", "b", "c"]) {
      const job = await queue.send(ping, {}, { id });
      await queue.cancel(job);
      await queue.remove(job);
    }
    expect(await queue.get("c")).toBe(null);
    await queue.close();
  });

  test("let subscribers have more filters than the namespace holds", async () => {
    const namespace = `conformance-${process.pid}-filters`;
    const engine = redisEngine({ url: urlOfTheUser(), namespace });
    const seen: string[] = [];
    for (let index = 0; index <= 101; index++) {
      const onEvent = ({ id }: { readonly id: string }) => void seen.push(`${index} ${id}`);
      await engine.events.subscribe({ onEvent, queues: [`queue-${index}`] });
    }
    await engine.core.enqueue([{ jobs: [newJob({ id: "a", queue: "queue-101" })] }]);
    await expect.poll(() => seen).toEqual(["101 a"]);
    await engine.core.close();
  });

  test("are all used by the cases above: without one of its commands, some case fails", async () => {
    const calls = await callsByCommand();
    const commands = RIGHTS.filter((right) => right.startsWith("+")).map((right) => right.slice(1));
    // Redis before 7 counts a subcommand as its command.
    const used = (command: string) =>
      [command, command.split("|")[0]!].some((name) => (calls.get(name) ?? 0) > (callsBefore.get(name) ?? 0));
    expect(commands.length).toBeGreaterThan(10);
    expect(commands.filter((command) => !used(command))).toEqual([]);
  });

  test.for([
    ["the keys", "resetkeys", (engine: CompleteEngine) => engine.queues.counts()],
    [
      "the channels",
      "resetchannels",
      (engine: CompleteEngine) => engine.events.subscribe({ onEvent: () => {} }),
    ],
  ] as const)("are refused as such without %s of the namespace", async ([, reset, call]) => {
    await admin.call("ACL", "SETUSER", USER, reset);
    const { engine, close } = await openRedis();
    try {
      await expect(call(engine)).rejects.toMatchObject({ code: "ENGINE_MISCONFIGURED" });
    } finally {
      await close();
      await admin.call("ACL", "SETUSER", USER, ...RIGHTS);
    }
  });
});
