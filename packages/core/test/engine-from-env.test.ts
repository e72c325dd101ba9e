import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { inspect, promisify } from "node:util";
import { startRedis } from "@org/test-servers";
import { build } from "esbuild";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { CompleteEngine } from "../src/engine/engine.ts";
import { DeferredEngine } from "../src/env/deferred-engine.ts";
import { type EngineFromEnvOptions, engineFromEnv } from "../src/env/engine-from-env.ts";
import { isQueueError, memoryEngine } from "../src/index.ts";
import { newJob } from "../src/testing/conformance/new-job.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function choose(env: Record<string, string | undefined>, options: EngineFromEnvOptions = {}) {
  const lines: string[] = [];
  const engine = engineFromEnv({ env, logger: { info: (line) => lines.push(line) }, ...options });
  cleanups.push(() => engine.core.close());
  return { engine, lines };
}

function refusalOf(env: Record<string, string | undefined>, options: EngineFromEnvOptions = {}) {
  try {
    choose(env, options);
  } catch (error) {
    if (isQueueError(error, "INVALID_OPTIONS")) return error;
    throw error;
  }
  throw new Error("It was accepted.");
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "nothing",
    (error: unknown) => (isQueueError(error) ? error.code : String(error)),
  );

describe("the environment names", () => {
  test("nothing: the embedded engine", () => {
    const { engine, lines } = choose({ REDIS_URL: "", NODE_ENV: "development" });
    expect(engine.name).toBe("memory");
    expect(lines).toEqual([expect.stringMatching(/embedded.*REDIS_URL/)]);
  });

  test.each([
    [{ REDIS_URL: "redis://user:secret@host:1/2" }, 'host:1 (database 2), namespace "queue"'],
    [{ REDIS_HOST: "host" }, 'host:6379, namespace "queue"'],
    [
      {
        REDIS_HOST: "::1",
        REDIS_PORT: "7",
        REDIS_USERNAME: "user",
        REDIS_PASSWORD: "secret",
        REDIS_TLS: "true",
      },
      '[::1]:7, namespace "queue"',
    ],
    [
      { REDIS_HOST: "host", REDIS_DB: "3", QUEUE_NAMESPACE: "shop" },
      'host:6379 (database 3), namespace "shop"',
    ],
    [{ REDIS_URL: "redis://first", REDIS_HOST: "second", QUEUE_ENGINE: "redis" }, "first:6379"],
    [{ REDIS_URL: "redis://host", NODE_ENV: "production" }, "host:6379"],
  ])("a Redis: %j", (env, place) => {
    const { engine, lines } = choose(env);
    expect(engine.name).toBe("redis");
    expect(engine.features.dependencies).toBe(true);
    expect(lines).toEqual([expect.stringContaining(place)]);
    expect(lines[0]).not.toMatch(/secret|user/);
  });

  test("a namespace, and the code another: the code's counts", () => {
    const { lines } = choose({ REDIS_URL: "redis://host", QUEUE_NAMESPACE: "a" }, { namespace: "b" });
    expect(lines[0]).toContain('"b"');
  });

  test.each([
    [{ REDIS_PASSWORD: "secret" }, "REDIS_PASSWORD is set, but neither"],
    [{ REDIS_PORT: "1", REDIS_TLS: "true" }, "REDIS_PORT and REDIS_TLS are set"],
    [{ REDIS_URL: "redis://:se/cret@host" }, "REDIS_URL isn't a URL"],
    [{ REDIS_HOST: "redis://secret@host" }, "REDIS_HOST"],
    [{ REDIS_HOST: "host", REDIS_PORT: "70000" }, "REDIS_PORT"],
    [{ REDIS_HOST: "host", REDIS_DB: "one" }, "REDIS_DB"],
    [{ REDIS_HOST: "host", REDIS_TLS: "yes" }, "REDIS_TLS"],
    [{ REDIS_URL: "redis://host", QUEUE_NAMESPACE: "a b" }, "QUEUE_NAMESPACE"],
    [{ QUEUE_ENGINE: "postgres" }, "QUEUE_ENGINE"],
    [{ QUEUE_ENGINE: "redis" }, "neither REDIS_URL nor REDIS_HOST"],
    [{ NODE_ENV: "production" }, "Set REDIS_URL"],
  ])("what makes no sense: %j", (env, message) => {
    const error = refusalOf(env);
    expect(error.message).toContain(message);
    expect(inspect(error, { showHidden: true })).not.toMatch(/se\/?cret@|: secret/);
  });

  test("production without Redis, by choice", () => {
    expect(choose({ NODE_ENV: "production", QUEUE_ENGINE: "memory" }).engine.name).toBe("memory");
    const allowed = choose({ NODE_ENV: "production" }, { embeddedInProduction: "allow" });
    expect(allowed.engine.name).toBe("memory");
    expect(choose({ REDIS_URL: "redis://host", QUEUE_ENGINE: "memory" }).engine.name).toBe("memory");
  });

  test("production, while Next.js builds: the app's modules load, and nothing is sent", async () => {
    const { engine, lines } = choose({ NODE_ENV: "production", NEXT_PHASE: "phase-production-build" });
    expect(lines).toEqual([]);
    expect(await codeOf(engine.queues.counts())).toBe("INVALID_OPTIONS");
  });

  test("an option that isn't one", () => {
    const options = { embedded: true } as EngineFromEnvOptions;
    expect(refusalOf({}, options).message).toContain('unknown option "embedded"');
  });
});

test("process.env and the console are the defaults", () => {
  const info = vi.spyOn(console, "info").mockReturnValue();
  vi.stubEnv("REDIS_URL", "redis://from-process");
  cleanups.push(
    () => info.mockRestore(),
    () => vi.unstubAllEnvs(),
  );
  expect(engineFromEnv().name).toBe("redis");
  expect(info.mock.calls).toEqual([[expect.stringContaining("from-process")]]);
});

test("the engine that Redis' URL leads to works, and its parts do as well", async () => {
  const redis = await startRedis({ args: ["--requirepass", "se/s@me"] });
  cleanups.push(() => redis.stop());
  const { hostname, port } = new URL(redis.url);
  const namespace = `env-${process.pid}`;
  const first = choose({ REDIS_URL: `redis://:se%2Fs%40me@${hostname}:${port}`, QUEUE_NAMESPACE: namespace });
  const second = choose({ REDIS_HOST: hostname, REDIS_PORT: port, REDIS_PASSWORD: "se/s@me" }, { namespace });
  expect(await first.engine.core.enqueue([{ jobs: [newJob({ id: "a", queue: "q" })] }])).toMatchObject([
    { ok: true },
  ]);
  expect(await second.engine.inspect.get([{ id: "a" }])).toMatchObject([{ id: "a" }]);
  const elsewhere = choose({ REDIS_HOST: hostname, REDIS_PORT: port, REDIS_PASSWORD: "se/s@me" });
  expect(await elsewhere.engine.inspect.get([{ id: "a" }])).toEqual([null]);
  expect(await second.engine.core.health()).toMatchObject({ ok: true, engine: "redis" });
});

describe("an engine that is loaded later", () => {
  function defer(load: () => Promise<CompleteEngine>) {
    return new DeferredEngine("later", memoryEngine().features, load);
  }

  test("is loaded once, by the first call, and passes on every operation's arguments", async () => {
    const facets = ["core", "inspect", "operate", "events", "queues"] as const;
    const calls: unknown[][] = [];
    const recorder = (facet: string) =>
      new Proxy(
        {},
        {
          get: (_, name) =>
            name === "then" ? undefined : async (...args: unknown[]) => calls.push([facet, name, ...args]),
        },
      );
    const inner = Object.fromEntries(facets.map((facet) => [facet, recorder(facet)]));
    const load = vi.fn(async () => inner as unknown as CompleteEngine);
    const engine = defer(load);
    expect(load).not.toHaveBeenCalled();
    const expected: unknown[][] = [];
    for (const facet of facets) {
      const operations = memoryEngine()[facet];
      const names = Object.getOwnPropertyNames(Object.getPrototypeOf(operations));
      for (const name of names.filter((each) => each !== "constructor" && each !== "close")) {
        const args = [`${name} 1`, `${name} 2`].slice(
          0,
          (operations as never as Record<string, { length: number }>)[name]!.length,
        );
        expected.push([facet, name, ...args]);
        await (engine[facet] as never as Record<string, (...args: string[]) => unknown>)[name]!(...args);
      }
    }
    expect(load).toHaveBeenCalledTimes(1);
    expect(expected.length).toBeGreaterThan(18);
    expect(calls).toEqual(expected);
  });

  test("can be closed before, while and after it is loaded", async () => {
    const before = defer(async () => memoryEngine());
    await before.core.close();
    expect(await codeOf(before.queues.counts())).toBe("CLOSED");

    let finish = (_: CompleteEngine) => {};
    const during = defer(() => new Promise((done) => (finish = done)));
    const call = codeOf(during.queues.counts());
    const closing = during.core.close();
    const inner = memoryEngine();
    finish(inner);
    await closing;
    expect(await call).toBe("CLOSED");
    expect(await codeOf(inner.queues.counts())).toBe("CLOSED");
    expect(await codeOf(during.queues.counts())).toBe("CLOSED");
    await during.core.close();
  });

  test("that can't be loaded says so in each call, and is tried again", async () => {
    let problem: Error | undefined = new Error("not installed");
    const engine = defer(async () => {
      if (problem) throw problem;
      return memoryEngine();
    });
    expect(await codeOf(engine.queues.counts())).toBe("Error: not installed");
    expect(await engine.core.health()).toEqual({
      ok: false,
      engine: "later",
      latency: 0,
      problem: "not installed",
    });
    problem = undefined;
    expect(await engine.queues.counts()).toEqual([]);
    await engine.core.close();
  });
});

test("a program that sent to Redis ends once its queue is closed", async () => {
  const { url, stop } = await startRedis();
  cleanups.push(stop);
  const program = `
    import { createQueue, createRegistry, defineMessage, engineFromEnv } from "@org/queue";
    import * as z from "zod";
    const greet = defineMessage("GREET", { data: z.object({ name: z.string() }) });
    const queue = createQueue({ registry: createRegistry([greet]), engine: engineFromEnv() });
    await queue.send(greet, { name: "Ada" });
    await queue.close();`;
  // Rejects when the program has to be killed.
  await promisify(execFile)(
    process.execPath,
    ["--conditions=@org/source", "--input-type=module", "--eval", program],
    { cwd: import.meta.dirname, timeout: 15_000, env: { ...process.env, REDIS_URL: url } },
  );
});

describe("an app without ioredis", () => {
  const source = resolve(import.meta.dirname, "../src/index.ts");

  /** The package as an app gets it: in a directory from which ioredis can't be found. */
  async function bundle(external = ["ioredis", "node:*"], platform: "neutral" | "node" = "neutral") {
    const directory = await mkdtemp(join(tmpdir(), "queue-bundle-"));
    cleanups.push(() => rm(directory, { recursive: true, force: true }));
    const result = await build({
      entryPoints: { index: source },
      outdir: directory,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      splitting: true,
      format: "esm",
      platform,
      mainFields: ["module", "main"],
      external,
      metafile: true,
      logLevel: "silent",
    });
    return { directory, outputs: result.metafile.outputs };
  }

  test("loads neither it nor the redis engine until the environment names a Redis", async () => {
    const { directory, outputs } = await bundle();
    const entry = Object.keys(outputs).find(
      (path) => path.endsWith("/index.mjs") && outputs[path]!.entryPoint?.endsWith("src/index.ts"),
    )!;
    const loaded = new Set<string>();
    const visit = (path: string) => {
      if (loaded.has(path)) return;
      loaded.add(path);
      for (const { path: next, kind, external } of outputs[path]!.imports) {
        if (kind !== "import-statement") continue;
        expect(external, next).not.toBe(true);
        visit(next);
      }
    };
    visit(entry);
    const inputs = [...loaded].flatMap((path) => Object.keys(outputs[path]!.inputs));
    expect(
      inputs
        .filter((path) => path.includes("src/redis/"))
        .map((path) => path.split("/").at(-1))
        .sort(),
    ).toEqual(["redis-url.ts", "send-features.ts"]);

    const program = `
      import { engineFromEnv } from ${JSON.stringify(join(directory, "index.mjs"))};
      const logger = { info() {} };
      const embedded = engineFromEnv({ env: {}, logger });
      console.log(embedded.name, (await embedded.queues.counts()).length);
      const engine = engineFromEnv({ env: { REDIS_URL: "redis://127.0.0.1:1" }, logger });
      await engine.queues.counts().catch((error) => console.log(error.code, error.message));
      await engine.core.close();`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", program],
      {
        cwd: directory,
        timeout: 15_000,
      },
    );
    expect(stdout).toMatch(/^memory 0\nENGINE_MISCONFIGURED .*npm install ioredis/);
  });

  test("that was bundled in, where it can't work, is told apart from one that isn't installed", async () => {
    const { directory } = await bundle(["node:*"], "node");
    const program = `
      import { engineFromEnv } from ${JSON.stringify(join(directory, "index.mjs"))};
      const engine = engineFromEnv({ env: { REDIS_URL: "redis://127.0.0.1:1" }, logger: { info() {} } });
      await engine.queues.counts().catch((error) => console.log(error.code, error.message));
      await engine.core.close();`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", program],
      { cwd: directory, timeout: 15_000 },
    );
    expect(stdout).toMatch(/^ENGINE_MISCONFIGURED .* Dynamic require of "\w+" is not supported\. .*external/);
    expect(stdout).not.toContain("npm install");
  });
});

test("a logger that fails doesn't keep the engine from being made", async () => {
  const fault = () => {
    throw new Error("down");
  };
  for (const info of [fault, async () => fault()]) {
    expect(engineFromEnv({ env: {}, logger: { info } }).name).toBe("memory");
  }
});
