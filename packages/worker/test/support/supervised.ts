import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createQueue, type Queue } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { startRedis, type TestServer } from "@org/test-servers";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { registryOf, workOf } from "../fixtures/messages.ts";
import { Program } from "../program.ts";

export const work = workOf(1);

/** What the supervised processes of a test share. It is replaced before each test. */
export interface Scene {
  readonly queue: Queue<typeof work>;
  /** For the engine of another queue. */
  readonly url: string;
  readonly namespace: string;
  /** For files of the test; removed after it. */
  readonly directory: string;
  /** Starts the command with the config of the fixtures. It is killed after the test. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Program;
  /** Starts a supervisor with these members of its config. */
  start(processes: number, settings?: object, env?: Readonly<Record<string, string>>): Program;
  /** The ids of the processes that have said that they are ready, oldest first. */
  pids(): readonly number[];
}

/** A Redis server for the tests of a file, and a namespace for each test. */
export function useScene(): { readonly current: Scene } {
  let server: TestServer;
  let scene: Scene;
  const programs: Program[] = [];
  let count = 0;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    const namespace = `supervisor-${count++}`;
    const { url } = server;
    const run: Scene["run"] = (args, env) => {
      const program = new Program(args, {
        REDIS_URL: url,
        QUEUE_NAMESPACE: namespace,
        QUEUE_LOG_LEVEL: "debug",
        ...env,
      });
      programs.push(program);
      return program;
    };
    scene = {
      queue: createQueue({ registry: registryOf(1), engine: redisEngine({ url, namespace }) }),
      url,
      namespace,
      directory: await mkdtemp(join(tmpdir(), "queue-supervisor-")),
      run,
      start: (processes, settings = {}, env = {}) =>
        run(["worker", "--processes", `${processes}`], {
          TEST_SETTINGS: JSON.stringify({ restarts: { pause: "50ms" }, ...settings }),
          ...env,
        }),
      pids: () =>
        programs
          .flatMap(({ lines }) => lines)
          .filter(({ msg }) => msg.startsWith("Ready"))
          .map(({ pid }) => pid as number),
    };
  });
  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program[Symbol.asyncDispose]()));
    await scene.queue.close();
    await rm(scene.directory, { recursive: true, force: true });
  });
  return {
    get current() {
      return scene;
    },
  };
}
