import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { createQueue, type Queue } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { startRedis, type TestServer } from "@org/test-servers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EXIT_CODES } from "../src/exit-codes.ts";
import { registryOf, workOf } from "./fixtures/messages.ts";
import { Program } from "./program.ts";

const work = workOf(1);
const registry = registryOf(1);

let server: TestServer;
let queue: Queue<typeof work>;
let program: Program;
let count = 0;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

let namespace = "";
beforeEach(() => {
  namespace = `host-${count++}`;
  queue = createQueue({ registry, engine: redisEngine({ url: server.url, namespace }) });
});
afterEach(async () => {
  await program?.[Symbol.asyncDispose]();
  await queue.close();
});

/** Resolves once the worker is ready. */
async function startWorker(
  settings: object = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  program = new Program(["worker"], {
    REDIS_URL: server.url,
    QUEUE_NAMESPACE: namespace,
    QUEUE_LOG_LEVEL: "debug",
    TEST_SETTINGS: JSON.stringify(settings),
    ...env,
  });
  await program.line(/^Ready/);
  return program;
}

/** Resolves once the handler of the job runs: it is active a moment before. */
async function running(
  act: "sleep" | "ignore-signals" | "throw-later" | "reject-later",
  milliseconds: number,
) {
  const job = await queue.send(work, { act, milliseconds });
  await program.line(/^Started/, job.id);
  return job;
}

/** A server that the test may stop, and a queue on it. */
async function ownRedis() {
  const own = await startRedis({ args: ["--save", ""] });
  const engine = redisEngine({ url: own.url, namespace });
  const onOwn = createQueue({ registry, engine });
  return {
    server: own,
    url: own.url,
    queue: onOwn,
    async [Symbol.asyncDispose]() {
      await onOwn.close();
      await own.stop();
    },
  };
}

describe("SIGTERM", () => {
  it("finishes what runs, and exits with 0", async () => {
    await startWorker();
    const job = await running("ignore-signals", 500);
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
    expect(await queue.get(job)).toMatchObject({ state: "completed", attempt: 1 });
    expect(program.lines.at(-1)?.msg).toBe(
      "Stopped. 1 completed, 0 to be retried, 0 failed, 0 cancelled, 0 given back.",
    );
    expect(program.errors).toBe("");
  });

  it("gives back what takes longer than its time, at no cost, and says which", async () => {
    await startWorker({ stopTimeout: "50ms" });
    const jobs = [await running("sleep", 60_000), await running("ignore-signals", 60_000)];
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
    expect(await queue.getMany(jobs)).toMatchObject([
      { state: "queued", attempt: 0, stalls: 0 },
      { state: "queued", attempt: 0, stalls: 0 },
    ]);
    const { msg } = program.lines.at(-1)!;
    expect(msg).toContain("2 given back");
    for (const { id } of jobs) expect(msg).toContain(id);
  });

  it("is obeyed while the engine is away, which isn't called ready", async () => {
    program = new Program(["worker"], { REDIS_URL: "redis://127.0.0.1:1", QUEUE_NAMESPACE: namespace });
    await program.line(/can't reach its engine yet/);
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
    expect(program.said()).not.toContain("Ready");
  });

  it("is obeyed at once by a worker that waits for the engine's first answer", async () => {
    const silent = createServer();
    const connected = once(silent, "connection");
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    program = new Program(["worker"], { REDIS_URL: `redis://127.0.0.1:${port}`, QUEUE_NAMESPACE: namespace });
    const [socket] = await connected;
    const startedAt = performance.now();
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    socket.destroy();
    silent.close();
  });

  it("waits no longer than its time for an engine that is away once nothing runs", async () => {
    await using away = await ownRedis();
    program = new Program(["worker"], {
      REDIS_URL: away.url,
      QUEUE_NAMESPACE: namespace,
      QUEUE_LOG_LEVEL: "debug",
      TEST_SETTINGS: JSON.stringify({ stopTimeout: "600ms" }),
    });
    const job = await away.queue.send(work, { act: "ignore-signals", milliseconds: 300 });
    await program.line(/^Started/, job.id);
    await away.server.stop();
    const startedAt = performance.now();
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(program.lines.at(-1)).toMatchObject({ unsettledJobs: [job.id] });
  });

  it("names what the engine couldn't be told, and when that runs again", async () => {
    await using away = await ownRedis();
    program = new Program(["worker"], {
      REDIS_URL: away.url,
      QUEUE_NAMESPACE: namespace,
      QUEUE_LOG_LEVEL: "debug",
      TEST_SETTINGS: JSON.stringify({ stopTimeout: "100ms" }),
    });
    const job = await away.queue.send(work, { act: "sleep", milliseconds: 60_000 });
    await program.line(/^Started/, job.id);
    await away.server.stop();
    const startedAt = performance.now();
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    expect(program.lines.at(-1)).toMatchObject({
      level: "warn",
      unsettledJobs: [job.id],
      msg:
        "Stopped. 0 completed, 0 to be retried, 0 failed, 0 cancelled, 0 given back. 1 couldn't be settled or given " +
        `back, because the engine didn't answer. They run again once their leases are over: ${job.id}.`,
    });
  });

  it("ends the process also if the config can't be closed, and says so", async () => {
    await startWorker({}, { TEST_CLOSE: "throws" });
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
    expect(await program.line(/^`close` of the config failed/)).toMatchObject({ level: "error" });
  });

  it("sent twice ends the process at once", async () => {
    await startWorker();
    await running("ignore-signals", 60_000);
    program.kill("SIGTERM");
    await program.line(/^Stopping/);
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(143);
  });
});

describe("/readyz", () => {
  it("says soon that the engine is gone, also of an idle worker", async () => {
    await using away = await ownRedis();
    const worker = { pollInterval: "1m" };
    const settings = { worker, endpoints: { port: 0, host: "127.0.0.1" } };
    program = new Program(["worker"], {
      REDIS_URL: away.url,
      QUEUE_NAMESPACE: namespace,
      TEST_SETTINGS: JSON.stringify(settings),
    });
    const [url] = /http:\/\/\S+/.exec((await program.line(/^Ready/)).msg)!;
    const ask = () => fetch(`${url}/readyz`);
    expect((await ask()).status).toBe(200);
    await away.server.stop();
    await expect.poll(async () => (await ask()).status, { timeout: 20_000 }).toBe(503);
    expect(await (await ask()).json()).toMatchObject({
      ok: false,
      reason: expect.stringContaining("Redis at"),
    });
  });
});

describe("SIGTSTP", () => {
  it("claims nothing more, and finishes what runs", async () => {
    await startWorker();
    const job = await running("sleep", 300);
    program.kill("SIGTSTP");
    await program.line(/^Quiet/);
    const later = await queue.send(work, { act: "return" });
    await queue.wait(job);
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
    expect((await queue.get(later))?.state).toBe("queued");
  });
});

describe("SIGTTIN", () => {
  it("says what runs", async () => {
    await startWorker();
    const { id } = await running("sleep", 60_000);
    program.kill("SIGTTIN");
    expect((await program.line(/has run for/)).msg).toContain(`Job ${id} (WORK)`);
  });
});

describe.each(["throw-later", "reject-later"] as const)("an error that nothing caught (%s)", (act) => {
  it("is logged with its job, which fails by it; the others are given back", async () => {
    await startWorker();
    const other = await running("ignore-signals", 60_000);
    const culprit = await queue.send(work, { act });
    expect((await program.ended).code).toBe(EXIT_CODES.FAILED);
    const line = await program.line(/nothing caught/);
    expect(line).toMatchObject({ level: "error", job: culprit.id, message: "WORK", attempt: 1 });
    expect(JSON.stringify(line.err)).toMatch(/thrown from a timer|rejected beside the handler/);
    const [given, failed] = await queue.getMany([other, culprit]);
    expect(given).toMatchObject({ state: "queued", attempt: 0, stalls: 0 });
    expect(failed).toMatchObject({ attempt: 1, stalls: 0 });
  });
});

it("an error that nothing caught while stopping is logged too, and fails its job", async () => {
  await startWorker();
  const other = await running("ignore-signals", 1_500);
  const culprit = await running("throw-later", 700);
  program.kill("SIGTERM");
  expect((await program.ended).code).toBe(EXIT_CODES.FAILED);
  expect(await program.line(/nothing caught/)).toMatchObject({ level: "error", job: culprit.id });
  expect(await queue.getMany([other, culprit])).toMatchObject([
    { state: "completed", attempt: 1 },
    { attempt: 1, stalls: 0 },
  ]);
});

describe("what goes wrong slowly is reported once", () => {
  it("a blocked event loop, with the job", async () => {
    await startWorker({ watch: { blockedFor: "300ms" } });
    const job = await queue.send(work, { act: "block", milliseconds: 800 });
    await queue.wait(job);
    const { msg, jobs } = await program.line(/event loop was blocked/);
    expect(msg).toContain(`${job.id} (WORK)`);
    expect(jobs).toEqual([job.id]);
  });

  it("an attempt far beyond its usual time", async () => {
    await startWorker({ watch: { slowFactor: 2 } });
    const quick = Array.from({ length: 30 }, () => ({ message: work, data: { act: "return" as const } }));
    for (const job of await queue.sendMany(quick)) await queue.wait(job);
    const { id } = await queue.send(work, { act: "sleep", milliseconds: 60_000 });
    const { msg } = await program.line(/has run for .* the last hundred took at most/);
    expect(msg).toContain(`Job ${id} (WORK)`);
  });

  it("memory over its bound: it stops, to be started again", async () => {
    await startWorker({ watch: { maxMemory: 320 }, stopTimeout: 100 });
    const { id } = await queue.send(work, { act: "leak", milliseconds: 60_000 });
    expect((await program.ended).code).toBe(EXIT_CODES.RESTART);
    expect((await program.line(/more than its bound of 320 MB/)).jobs).toEqual([id]);
    expect(await queue.get(id)).toMatchObject({ state: "queued", attempt: 0 });
  });
});
