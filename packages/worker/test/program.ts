import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { COMMAND } from "./support/run-queue.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** A log line, as JSON. */
export interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

/** The built `queue` command in a process of its own, with the config of the fixtures. */
export class Program {
  readonly lines: LogLine[] = [];
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  errors = "";
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}) {
    this.child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", COMMAND, ...args], {
      cwd: path("./fixtures"),
      env: { ...process.env, NODE_ENV: "test", QUEUE_LOG_FORMAT: "json", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stderr!.on("data", (chunk) => {
      this.errors += chunk;
    });
    createInterface({ input: this.child.stdout! }).on("line", (line) => {
      try {
        this.lines.push(JSON.parse(line));
      } catch {
        this.errors += `${line}\n`;
      }
      for (const look of this.#waiting) look();
    });
    this.ended = once(this.child, "close").then(([code, signal]) => {
      for (const look of this.#waiting) look();
      return { code, signal };
    });
  }

  /** Resolves with the first line whose text matches, of any job or of this one, from any time. Rejects if the program ends without one. */
  async line(text: RegExp, job?: string): Promise<LogLine> {
    const find = () =>
      this.lines.find((line) => text.test(line.msg) && (job === undefined || line.job === job));
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = find();
        if (!found && this.child.exitCode === null && this.child.signalCode === null) return;
        this.#waiting.delete(look);
        if (found) resolve(found);
        else reject(new Error(`It ended without the line ${text}. It said:\n${this.said()}`));
      };
      this.#waiting.add(look);
      look();
    });
  }

  said(): string {
    return [...this.lines.map(({ level, msg }) => `${level} ${msg}`), this.errors].join("\n");
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it at once, if it runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}
