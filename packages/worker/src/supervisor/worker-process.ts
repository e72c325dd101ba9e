import { type ChildProcess, fork } from "node:child_process";
import {
  BEAT_INTERVAL,
  type ChildMessage,
  type MetricsRequest,
  type RunningJob,
  SUPERVISED,
} from "./protocol.ts";

export interface WorkerProcessParts {
  /** The program and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** How long it was ready, in milliseconds; 0 if it never was. */
  readonly readyFor: number;
}

/** A worker process, seen from its supervisor. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #startedAt = performance.now();
  readonly #requests = new Map<number, (metrics: unknown) => void>();
  #nextRequest = 0;
  #readyAt: number | undefined;
  #lastBeat: number;
  #isReady = false;
  #isStopping = false;
  #running: readonly RunningJob[] = [];
  /** Resolves once it has said that it is ready; never if it ends before. */
  readonly ready: Promise<void>;
  readonly ended: Promise<ProcessEnd>;
  hasEnded = false;

  constructor({ command: [program, ...args], env }: WorkerProcessParts) {
    this.#lastBeat = this.#startedAt;
    this.#child = fork(program, args, {
      env: { ...env, [SUPERVISED]: "1" },
      // A group of its own: Ctrl-C in a terminal would reach it beside the supervisor's signal, as a second one.
      detached: true,
    });
    this.ready = new Promise((resolve) => {
      this.#child.on("message", (message) => {
        this.#onMessage(message as ChildMessage);
        if (this.#readyAt !== undefined) resolve();
      });
    });
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        this.hasEnded = true;
        for (const answer of this.#requests.values()) answer(undefined);
        const readyFor = this.#readyAt === undefined ? 0 : performance.now() - this.#readyAt;
        resolve({ code, signal, readyFor });
      };
      this.#child.once("exit", end);
      // It couldn't be started: `exit` doesn't follow.
      this.#child.once("error", () => this.#child.pid === undefined && end(null, null));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether claims of its workers succeed, as it said in its last beat. */
  get isReady(): boolean {
    return this.#isReady && !this.hasEnded;
  }

  /** Jobs that ran at its last beat, the longest running first. */
  get running(): readonly RunningJob[] {
    return this.#running;
  }

  /** For how long its event loop has sent no beat, beyond the time between two, in milliseconds. */
  get silentFor(): number {
    if (this.#readyAt === undefined || this.hasEnded) return 0;
    return Math.max(0, performance.now() - this.#lastBeat - BEAT_INTERVAL);
  }

  /** Counts its silence from now: the supervisor itself was paused, and has read no beat. */
  forgive(): void {
    this.#lastBeat = performance.now();
  }

  /** Orders it to stop. Once only: a second signal would end it at once. */
  stop(): void {
    if (!this.#isStopping) this.kill("SIGTERM");
    this.#isStopping = true;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** As `getMetricsAsJSON` of prom-client has them; `undefined` if it doesn't answer within `timeout` milliseconds. */
  metrics(timeout: number): Promise<unknown> {
    const request = this.#nextRequest++;
    return new Promise((resolve) => {
      const answer = (metrics: unknown) => {
        clearTimeout(timer);
        this.#requests.delete(request);
        resolve(metrics);
      };
      const timer = setTimeout(() => answer(undefined), timeout);
      this.#requests.set(request, answer);
      if (!this.#child.connected) answer(undefined);
      else
        this.#child.send(
          { type: "metrics", request } satisfies MetricsRequest,
          (error) => error && answer(undefined),
        );
    });
  }

  #onMessage(message: ChildMessage): void {
    if (message.type === "ready") this.#readyAt ??= performance.now();
    else if (message.type === "metrics") this.#requests.get(message.request)?.(message.metrics);
    else {
      this.#isReady = message.isReady;
      this.#running = message.running;
      this.#lastBeat = performance.now();
    }
  }
}
