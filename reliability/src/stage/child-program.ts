import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { monotonic } from "../monotonic.ts";
import { withTimeout } from "./until.ts";

/** Timeout for a step of a scenario, on a busy machine. */
const STEP_TIMEOUT = 20_000;

/** Killed with the suite, because a frozen program would outlive it. */
const running = new Set<ChildProcessWithoutNullStreams>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface ProgramOptions {
  /** A module to load first, with environment variables. */
  readonly preload?: { readonly module: string; readonly environment: Readonly<Record<string, string>> };
}

/** A process of the suite. Its reports and commands are lines of JSON. */
export class ChildProgram<Report extends { readonly type: string }, Command> {
  readonly name: string;
  readonly reports: Report[] = [];
  /** Resolves with the time of its exit, on the shared clock. Never rejects. */
  readonly gone: Promise<number>;
  readonly #child: ChildProcessWithoutNullStreams;
  #listeners: (() => void)[] = [];
  #errors = "";
  #isGone = false;

  constructor(program: string, config: { readonly name: string }, { preload }: ProgramOptions = {}) {
    this.name = config.name;
    const path = (file: string) => fileURLToPath(new URL(`../processes/${file}`, import.meta.url));
    const args = ["--disable-warning=ExperimentalWarning"];
    // Stripping types at the start of each process takes a third of a short scenario.
    if (!process.env.RELIABILITY_BUILT) args.push("--conditions=@org/source");
    if (preload) args.push("--import", path(preload.module));
    this.#child = spawn(process.execPath, [...args, path(program), JSON.stringify(config)], {
      stdio: "pipe",
      // Options of this process (vitest, a debugger) aren't meant for its programs.
      env: { ...process.env, NODE_OPTIONS: "", ...preload?.environment },
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.reports.push(JSON.parse(line) as Report);
      this.#notify();
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-4_000);
    });
    running.add(this.#child);
    // Emitted by a command to a process that has just died.
    this.#child.stdin.on("error", () => {});
    this.gone = once(this.#child, "exit").then(() => {
      this.#isGone = true;
      running.delete(this.#child);
      this.#notify();
      return monotonic();
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get hasEnded(): boolean {
    return this.#isGone;
  }

  /** The end of its standard error output. */
  get errors(): string {
    return this.#errors;
  }

  send(command: Command): void {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  /** The first matching report, past or future. */
  until<Type extends Report["type"]>(
    type: Type,
    matches: (report: Extract<Report, { readonly type: Type }>) => boolean = () => true,
    timeout = STEP_TIMEOUT,
  ): Promise<Extract<Report, { readonly type: Type }>> {
    let seen = 0;
    const found = new Promise<Extract<Report, { readonly type: Type }>>((resolve, reject) => {
      const look = () => {
        for (; seen < this.reports.length; seen++) {
          const report = this.reports[seen] as Extract<Report, { readonly type: Type }>;
          if (report.type !== type || !matches(report)) continue;
          resolve(report);
          return;
        }
        if (this.#isGone) reject(new Error(`${this.name} exited without "${type}". ${this.#errors}`));
        else this.#listeners.push(look);
      };
      look();
    });
    return withTimeout(timeout, `"${type}" from ${this.name} (${this.#lastReports()})`, found);
  }

  count(matches: (report: Report) => boolean): number {
    return this.reports.filter(matches).length;
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** `kill -9`. Returns the time of its exit. */
  async kill(): Promise<number> {
    this.#child.kill("SIGKILL");
    return this.gone;
  }

  #lastReports(): string {
    const last = this.reports.slice(-5).map((report) => JSON.stringify(report));
    return `last reports: ${last.join(" ") || "none"}; errors: ${this.#errors || "none"}`;
  }

  #notify(): void {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const look of listeners) look();
  }
}
