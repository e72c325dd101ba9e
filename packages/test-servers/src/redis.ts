import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containerSource } from "./container.ts";
import { debianPackage } from "./debian-package.ts";
import { chosenExecutable, findExecutable } from "./executable.ts";
import { withFreePort } from "./free-port.ts";
import { keepServer } from "./kept-server.ts";
import { type ServerSource, startFromFirst } from "./server-source.ts";
import type { ServerOptions, TestServer } from "./test-server.ts";

const PROGRAMS = ["redis-server", "valkey-server"];
const READY = "Ready to accept connections";
const WITHOUT_PERSISTENCE = ["--save", "", "--appendonly", "no"];

const NOTHING_FOUND = {
  server: "Redis",
  remedy:
    "Install Redis (Debian: `apt-get install redis-server`, macOS: `brew install redis`), " +
    "pull the image redis:7-alpine, or set REDIS_URL.",
};

/**
 * Starts a Redis server that stores nothing on disk, or uses the server of `REDIS_URL`. Nothing is removed from that
 * one: use a separate namespace per test.
 *
 * @example
 * const redis = await startRedis({ args: ["--appendonly", "yes"] });
 * const client = new Redis(redis.url);
 * …
 * await redis.stop();
 */
export function startRedis(options: ServerOptions = {}): Promise<TestServer> {
  const chosen = chosenExecutable(PROGRAMS);
  if (chosen) return startFromFirst([redisProgram("TEST_SERVER_PROGRAMS", chosen, options)], NOTHING_FOUND);
  const needsOwn = Object.keys(options).length > 0;
  const needsProcess = options.port !== undefined || options.directory !== undefined;
  const machine = redisOnMachine(options);
  return startFromFirst(
    [
      ...(needsOwn ? [] : [redisFromEnvironment()]),
      ...(needsProcess ? [] : [redisInContainer(options)]),
      machine,
      debianPackage("redis-server", machine),
    ],
    NOTHING_FOUND,
  );
}

function redisFromEnvironment(): ServerSource {
  return {
    name: "REDIS_URL",
    async start() {
      const url = process.env.REDIS_URL;
      if (!url) return { unavailable: "not set" };
      return { url, pid: undefined, stop: async () => {} };
    },
  };
}

function redisInContainer({ args = [] }: ServerOptions): ServerSource {
  return containerSource(
    {
      image: "redis:7-alpine",
      port: 6379,
      env: {},
      args: ["redis-server", ...WITHOUT_PERSISTENCE, ...args],
      readyWhen: READY,
      readyTimes: 1,
      readyWithin: 30_000,
    },
    ({ host, port }) => `redis://${host}:${port}`,
  );
}

function redisOnMachine(options: ServerOptions): ServerSource {
  return {
    name: "this machine",
    async start() {
      const executable = findExecutable(PROGRAMS);
      if (!executable) return { unavailable: "no `redis-server` on the PATH" };
      return redisProgram(this.name, executable, options).start();
    },
  };
}

function redisProgram(name: string, executable: string, options: ServerOptions): ServerSource {
  const start = (port: number) => startProcess(executable, port, options);
  return { name, start: () => (options.port === undefined ? withFreePort(start) : start(options.port)) };
}

async function startProcess(executable: string, port: number, options: ServerOptions) {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "queue-redis-")));
  const own = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", directory];
  const kept = await keepServer({
    commands: [[executable, ...own, ...WITHOUT_PERSISTENCE, ...(options.args ?? [])]],
    directory,
    removeDirectory: options.directory === undefined,
    readyWhen: READY,
    readyWithin: 30_000,
    stopSignal: "SIGTERM",
    user: undefined,
  });
  return { url: `redis://127.0.0.1:${port}`, ...kept };
}
