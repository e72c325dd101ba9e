import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cleanups } from "./support.ts";

interface Line {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

/** A program of this folder in its own process. It reports its progress by printing lines. */
export class ChildProgram {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines = new Map<string, Line>();
  #errors = "";

  /** Passes `config` as the first argument, as JSON. */
  constructor(file: string, config: unknown) {
    const program = fileURLToPath(new URL(file, import.meta.url));
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

  /** Resolves once the process has printed the line. */
  async said(line: string): Promise<void> {
    const ended = once(this.#child, "exit").then(() => {
      throw new Error(`The program ended before it said "${line}". ${this.#errors}`);
    });
    await Promise.race([this.#line(line).promise, ended]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
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
