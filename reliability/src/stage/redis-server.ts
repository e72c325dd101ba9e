import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";

/** How a scenario's server writes to disk. `no`: not at all. */
export type AppendFsync = "no" | "everysec" | "always";

/** A scenario's own Redis, to be killed, frozen and filled. */
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

  /** A client for the suite's own looks at the server. */
  get admin(): Redis {
    if (!this.#admin) {
      this.#admin = new Redis(this.url, { retryStrategy: () => 20 });
      this.#admin.on("error", () => {});
    }
    return this.#admin;
  }

  get pid(): number {
    if (this.#server.pid === undefined) throw new Error("The suite needs a redis-server on this machine");
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
    // Its keeper goes once it has seen it go.
    await this.#server.stop();
  }

  /** After `kill`: on the same port, with what is on the disk. */
  async restart(): Promise<void> {
    const port = Number(new URL(this.url).port);
    this.#server = await startRedis({ directory: this.#directory, args: this.#args, port });
    if (this.#admin && this.#admin.status !== "ready") await once(this.#admin, "ready");
  }

  /** From `INFO`. */
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
