import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";
import { COMMAND, type RunOptions } from "./run-queue.ts";

/** Why there is no pseudo-terminal on this machine, if so: `script` of util-linux makes one. */
export const noPseudoTerminal: string | undefined = /util-linux/.test(
  spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "",
)
  ? undefined
  : "needs the program script of util-linux";

const ESCAPE = "\u001b";

/** What follows the command: its exit code, and the mode that it left the terminal in. */
const AFTERWARDS = 'echo "code $?"; stty -a; echo "the end"';

/** The built `queue` command on a terminal of 80 columns and 24 lines. */
export class PseudoTerminal {
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #output = "";

  constructor(args: readonly string[], { cwd, env = {}, node = process.execPath }: RunOptions) {
    const command = [node, "--disable-warning=ExperimentalWarning", COMMAND, ...args].join(" ");
    const shell = `stty cols 80 rows 24; sh -c 'echo "pid $$"; exec ${command}'; ${AFTERWARDS}`;
    this.#child = spawn("script", ["--quiet", "--flush", "--command", shell, "/dev/null"], {
      cwd,
      env: {
        PATH: process.env.PATH,
        NODE_ENV: "production",
        TERM: "xterm-256color",
        SHELL: "/bin/sh",
        ...env,
      },
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
      for (const listener of this.#listeners) listener();
    });
    onTestFinished(() => void this.#child.kill("SIGKILL"));
  }

  /** All that was written. */
  get output(): string {
    return this.#output;
  }

  /** The lines that are shown, without colours. */
  get screen(): string {
    const lines: string[] = [];
    let row = 0;
    const drawn = this.#output.split(`${ESCAPE}[2J`).at(-1) ?? "";
    // What follows an escape is a sequence, then text. A line is drawn from its beginning on.
    for (const piece of drawn.split(ESCAPE)) {
      const [, sequence = "", text = ""] = /^(\[[0-9;?]*[A-Za-z])?(.*)$/s.exec(piece) ?? [];
      row = Number(/^\[(\d+);1H$/.exec(sequence)?.[1] ?? row + 1) - 1;
      lines[row] = (sequence === "[2K" ? "" : (lines[row] ?? "")) + text;
    }
    return lines.join("\n");
  }

  press(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(Number(/pid (\d+)/.exec(this.#output)?.[1]), signal);
  }

  /** Resolves once the screen shows something. */
  async shows(text: string | RegExp): Promise<void> {
    await this.#until(() => (typeof text === "string" ? this.screen.includes(text) : text.test(this.screen)));
  }

  /** Resolves with what was written from when the command gave the terminal back. */
  async ended(): Promise<string> {
    const exit = this.#child.exitCode === null ? once(this.#child, "exit") : undefined;
    await this.#until(() => this.#output.includes("the end"));
    await exit;
    return this.#output.slice(this.#output.indexOf(`${ESCAPE}[?25h`));
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
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
