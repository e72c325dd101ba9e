import { startRedis } from "@org/test-servers";
import { Redis } from "ioredis";

/** A Redis server for the benchmark that stores nothing on disk. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  /** Removes all data. */
  flush(): Promise<void>;
  usedMemory(): Promise<number>;
  /** CPU seconds of the command thread so far. */
  cpuSeconds(): Promise<number>;
  version(): Promise<string>;
  /** Counts the commands that clients send from now on, without those inside scripts. */
  countCommands(): Promise<() => number>;
}

export async function startServer(): Promise<RedisServer> {
  const server = await startRedis({ args: ["--save", "", "--appendonly", "no"] });
  const admin = new Redis(server.url);
  const info = async (section: string, ...fields: readonly string[]): Promise<number> => {
    const text = await admin.info(section);
    const values = fields.map((field) => new RegExp(`^${field}:(.*)$`, "m").exec(text)?.[1]);
    return values.reduce((sum, value) => sum + Number(value ?? Number.NaN), 0);
  };
  return {
    url: server.url,
    async flush() {
      await admin.flushall("SYNC");
    },
    usedMemory: () => info("memory", "used_memory"),
    async cpuSeconds() {
      const main = await info("cpu", "used_cpu_user_main_thread", "used_cpu_sys_main_thread");
      return Number.isNaN(main) ? await info("cpu", "used_cpu_user", "used_cpu_sys") : main;
    },
    async version() {
      return /^redis_version:(.*?)\r?$/m.exec(await admin.info("server"))?.[1] ?? "unknown";
    },
    async countCommands() {
      const monitor = await admin.monitor();
      let commands = 0;
      monitor.on("monitor", (_time, _args, source) => {
        if (source !== "lua") commands++;
      });
      return () => {
        monitor.disconnect();
        return commands;
      };
    },
    async [Symbol.asyncDispose]() {
      admin.disconnect();
      await server.stop();
    },
  };
}
