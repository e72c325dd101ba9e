import { PassThrough } from "node:stream";
import type { Queue } from "@org/queue";
import type { CommandContext } from "../../src/cli/context.ts";
import { main } from "../../src/cli/main.ts";
import { Terminal } from "../../src/cli/terminal.ts";

export interface RunOptions {
  /** Columns of a terminal. Without them, stdout is a pipe. */
  readonly columns?: number;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  /** What stdin has, as a pipe. */
  readonly stdin?: string;
  /** Typed on a terminal, which stdin and stderr are then. */
  readonly answer?: string;
}

export interface RunOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line that runs in this process, over a queue of the test. */
export class RunningCommand {
  readonly done: Promise<RunOutcome>;
  readonly #output = { stdout: "", stderr: "" };
  readonly #listeners = new Set<() => void>();

  readonly #subscribed: Promise<void>;

  constructor(queue: Queue, line: readonly string[], options: RunOptions = {}) {
    const { columns, signal, env = {}, answer, stdin: piped = "" } = options;
    const isTTY = answer !== undefined;
    const stdout = Object.assign(new PassThrough(), columns === undefined ? {} : { isTTY: true, columns });
    const stderr = Object.assign(new PassThrough(), { isTTY });
    const stdin = Object.assign(new PassThrough(), { isTTY });
    stdin.end(answer ?? piped);
    for (const [name, stream] of Object.entries({ stdout, stderr })) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#output[name as "stdout" | "stderr"] += text;
        for (const listener of this.#listeners) listener();
      });
    }
    const terminal = new Terminal({ stdin, stdout, stderr, env });
    let onSubscribed = () => {};
    this.#subscribed = new Promise((resolve) => {
      onSubscribed = resolve;
    });
    const watched = new Proxy(queue, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          const returned: unknown = value.apply(target, args);
          if (name === "subscribe") void Promise.resolve(returned).then(() => onSubscribed());
          return returned;
        };
      },
    });
    const openContext = (): CommandContext => ({
      terminal,
      env,
      cwd: process.cwd(),
      loadConfig: () => Promise.reject(new Error("no config in this test")),
      openQueue: async () => watched,
      openDatabase: async () => undefined,
      unreachable: new Promise<never>(() => {}),
      signal: signal ?? new AbortController().signal,
      close: async () => undefined,
    });
    this.done = main(line, { terminal, openContext, readVersion: () => "0.0.0" }).then((code) => ({
      code,
      ...this.#output,
    }));
  }

  /** Resolves once the command's subscription to events is in force. */
  subscribed(): Promise<void> {
    return this.#subscribed;
  }

  /** Resolves once the output has a text. */
  async printed(text: string): Promise<void> {
    while (!`${this.#output.stdout}${this.#output.stderr}`.includes(text)) {
      await new Promise<void>((resolve) => {
        const listener = () => {
          this.#listeners.delete(listener);
          resolve();
        };
        this.#listeners.add(listener);
      });
    }
  }
}

export function run(queue: Queue, line: readonly string[], options?: RunOptions): Promise<RunOutcome> {
  return new RunningCommand(queue, line, options).done;
}
