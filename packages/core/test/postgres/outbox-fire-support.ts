import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ServerOptions, TestServer } from "@org/test-servers";
import { cleanups } from "./support.ts";

export interface FireRelayConfig {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly namespace: string;
  /** Stops between the publish and the mark of its first jobs, where it is then killed. */
  readonly stopsAfterPublish: boolean;
}

interface Line {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

/** A relay in a process of its own. */
export class FireRelay {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines = new Map<string, Line>();
  #errors = "";

  constructor(config: FireRelayConfig) {
    const program = fileURLToPath(new URL("./outbox-fire-relay.ts", import.meta.url));
    const args = ["--conditions=@org/source", "--disable-warning=ExperimentalWarning", program];
    this.#child = spawn(process.execPath, [...args, JSON.stringify(config)], {
      stdio: "pipe",
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    cleanups.push(() => this.kill());
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#line(line).resolve());
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
  }

  /** Resolves once the process has said so. */
  async said(line: "started" | "published"): Promise<void> {
    const ended = once(this.#child, "exit").then(() => {
      throw new Error(`The relay ended before it said "${line}". ${this.#errors}`);
    });
    await Promise.race([this.#line(line).promise, ended]);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }

  #line(line: string): Line {
    const known = this.#lines.get(line);
    if (known) return known;
    let resolve: () => void = () => {};
    const promise = new Promise<void>((resolveIt) => {
      resolve = resolveIt;
    });
    this.#lines.set(line, { promise, resolve });
    return { promise, resolve };
  }
}

type Start = (options: ServerOptions) => Promise<TestServer>;

/** A server that is killed and comes back at the same address, with all that it had acknowledged. */
export class MortalServer {
  readonly #start: Start;
  readonly #options: ServerOptions;
  #server: TestServer;

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

  /** `signal`: one that lets the server say goodbye to nobody. */
  async killAndRestart(signal: NodeJS.Signals): Promise<void> {
    process.kill(this.#server.pid!, signal);
    await this.#server.stop();
    this.#server = await this.#start(this.#options);
  }
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
