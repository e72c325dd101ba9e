import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";

/** How a scenario's server syncs to disk. `no`: no persistence. */
export type AppendFsync = "no" | "everysec" | "always";

/** The Redis of a scenario, which can be killed, frozen and filled. */
export class RedisServer {
  readonly url: string;
  readonly #directory: string;
  readonly #args: readonly string[];
  #server: TestServer;
  #admin: Redis | undefined;

  private constructor(server: TestServer, directory: string, args: readonly string[]) {
    this.#server = server;
    this.#directory = directory;
    this.#args = args;
    this.url = server.url;
  }

  static async start(appendFsync: AppendFsync): Promise<RedisServer> {
    const directory = await mkdtemp(join(tmpdir(), "queue-reliability-redis-"));
    const persistence = appendFsync === "no" ? [] : ["--appendonly", "yes", "--appendfsync", appendFsync];
    const args = ["--maxmemory-policy", "noeviction", ...persistence];
    return new RedisServer(await startRedis({ directory, args }), directory, args);
  }

  /** A client for the suite's own checks. */
  get admin(): Redis {
    if (!this.#admin) {
      this.#admin = new Redis(this.url, { retryStrategy: () => 20 });
      this.#admin.on("error", () => {});
    }
    return this.#admin;
  }

  get pid(): number {
    if (this.#server.pid === undefined)
      throw new Error(
        "The suite needs `redis-server` on this machine. Install it, for example with `apt-get install redis-server`.",
      );
    return this.#server.pid;
  }

  freeze(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  thaw(): void {
    process.kill(this.pid, "SIGCONT");
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    process.kill(this.pid, "SIGKILL");
    // The keeper exits once the server has.
    await this.#server.stop();
  }

  /** Restarts after `kill`, on the same port, with the data on disk. */
  async restart(): Promise<void> {
    const port = Number(new URL(this.url).port);
    this.#server = await startRedis({ directory: this.#directory, args: this.#args, port });
    if (this.#admin && this.#admin.status !== "ready") await once(this.#admin, "ready");
  }

  /** `used_memory` from `INFO`. */
  async usedMemory(): Promise<number> {
    const info = await this.admin.info("memory");
    return Number(/used_memory:(\d+)/.exec(info)?.[1]);
  }

  async stop(): Promise<void> {
    this.#admin?.disconnect();
    await this.#server.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
