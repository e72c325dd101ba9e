import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerOptions, TestServer } from "@org/test-servers";
import { cleanups } from "./support.ts";

export interface FireRelayConfig {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly namespace: string;
  /** Stops between publishing and marking its first jobs, to be killed there. */
  readonly stopsAfterPublish: boolean;
}

type Start = (options: ServerOptions) => Promise<TestServer>;

/** A server that is killed and comes back at the same address with everything it acknowledged. */
export class MortalServer {
  readonly #start: Start;
  readonly #options: ServerOptions;
  #server: TestServer;
  /** Resolves at once while the server runs, or once it runs again. */
  isBack: Promise<void> = Promise.resolve();

  private constructor(start: Start, options: ServerOptions, server: TestServer) {
    this.#start = start;
    this.#options = { ...options, port: Number(new URL(server.url).port) };
    this.#server = server;
  }

  static async start(start: Start, args: readonly string[]): Promise<MortalServer> {
    const directory = await mkdtemp(join(tmpdir(), "queue-fire-"));
    cleanups.push(() => rm(directory, { recursive: true, force: true }));
    const options = { directory, args };
    const mortal = new MortalServer(start, options, await start(options));
    cleanups.push(() => mortal.#server.stop());
    return mortal;
  }

  get url(): string {
    return this.#server.url;
  }

  /** `signal` must end the server without a clean shutdown. */
  killAndRestart(signal: NodeJS.Signals): Promise<void> {
    process.kill(this.#server.pid!, signal);
    this.isBack = this.#restart();
    return this.isBack;
  }

  async #restart(): Promise<void> {
    await this.#server.stop();
    this.#server = await this.#start(this.#options);
  }
}

/** Seeded numbers from 0 to 1 (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
