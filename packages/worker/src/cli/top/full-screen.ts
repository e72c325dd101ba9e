import { constants } from "node:os";
import type { ReadStream, WriteStream } from "node:tty";
import { type Key, KeyDecoder } from "./keys.ts";
import { OutputGuard } from "./output-guard.ts";

export interface FullScreenParts {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
  readonly onKey: (key: Key) => void;
  /** The size has changed, or the screen was lost: draw it. */
  readonly onRedraw: () => void;
  /** Nobody can type any more. */
  readonly onEnd: () => void;
}

/** The alternate screen, no cursor, no wrapping, and pastes marked as such. */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[?2004h\u001b[2J";
const LEAVE = "\u001b[0m\u001b[?2004l\u001b[?7h\u001b[?25h\u001b[?1049l";
/** A frame is shown as a whole by terminals that know this; the others ignore it. */
const [BEGIN_FRAME, END_FRAME] = ["\u001b[?2026h", "\u001b[?2026l"];
/** Milliseconds after which an escape that came alone was the Escape key. */
const ESCAPE_TIMEOUT = 50;
/** Milliseconds after which a process that wanted to be suspended wasn't: nobody would have continued it. */
const SUSPEND_TIMEOUT = 100;
/** They end the process, which leaves the terminal as it was. */
const FATAL = ["SIGHUP", "SIGQUIT"] as const;

/** Takes the terminal over, and gives it back whatever happens. */
export class FullScreen {
  readonly #parts: FullScreenParts;
  readonly #keys = new KeyDecoder();
  readonly #guard: OutputGuard;
  #shown: readonly string[] = [];
  #isEntered = false;
  #escapeTimer: NodeJS.Timeout | undefined;
  #suspendTimer: NodeJS.Timeout | undefined;

  constructor(parts: FullScreenParts) {
    this.#parts = parts;
    this.#guard = new OutputGuard(parts.stdout);
  }

  get size(): { readonly columns: number; readonly rows: number } {
    const { columns = 80, rows = 24 } = this.#parts.stdout;
    return { columns, rows };
  }

  start(): void {
    const { stdin, stdout, onEnd } = this.#parts;
    // First, so that no error or signal in between leaves the terminal as it is.
    process.on("exit", this.#leave);
    process.on("uncaughtExceptionMonitor", this.#leave);
    for (const name of FATAL) process.on(name, this.#exit);
    process.on("SIGTSTP", this.suspend);
    process.on("SIGCONT", this.#continue);
    stdout.on("resize", this.redraw);
    stdin.setEncoding("utf8").on("data", this.#onData).on("end", onEnd).on("error", onEnd);
    this.#enter();
  }

  /** Gives the terminal back. What the app printed meanwhile follows. */
  stop(): void {
    const { stdin, stdout, onEnd } = this.#parts;
    this.#leave();
    clearTimeout(this.#escapeTimer);
    clearTimeout(this.#suspendTimer);
    stdin.off("data", this.#onData).off("end", onEnd).off("error", onEnd).pause();
    stdout.off("resize", this.redraw);
    process.off("SIGTSTP", this.suspend).off("SIGCONT", this.#continue);
    for (const name of FATAL) process.off(name, this.#exit);
    process.off("uncaughtExceptionMonitor", this.#leave).off("exit", this.#leave);
  }

  /** Draws the lines that have changed, in one write. */
  draw(lines: readonly string[]): void {
    // A slow terminal gets the next frame.
    if (!this.#isEntered || this.#parts.stdout.writableNeedDrain) return;
    const changed = lines.flatMap((line, index) =>
      line === this.#shown[index] ? [] : `\u001b[${index + 1};1H\u001b[0m\u001b[2K${line}`,
    );
    this.#shown = lines;
    if (changed.length > 0) this.#guard.write(`${BEGIN_FRAME}${changed.join("")}\u001b[0m${END_FRAME}`);
  }

  /** Draws everything, also over what others have printed. */
  readonly redraw = (): void => {
    if (!this.#isEntered) return;
    this.#shown = [];
    this.#guard.write("\u001b[0m\u001b[2J");
    this.#parts.onRedraw();
  };

  /** Stops the process, as Ctrl-Z does with other programs, until the shell continues it. */
  readonly suspend = (): void => {
    this.#leave();
    process.off("SIGTSTP", this.suspend);
    // With those that the shell started with it, such as npx.
    process.kill(0, "SIGTSTP");
    this.#suspendTimer = setTimeout(this.#continue, SUSPEND_TIMEOUT);
  };

  readonly #continue = (): void => {
    clearTimeout(this.#suspendTimer);
    process.off("SIGTSTP", this.suspend).on("SIGTSTP", this.suspend);
    // A shell may have changed the terminal's mode, which only a change sets again.
    this.#leave();
    this.#enter();
  };

  #enter(): void {
    this.#parts.stdin.setRawMode(true);
    this.#parts.stdin.resume();
    this.#guard.hold();
    this.#isEntered = true;
    this.#guard.write(ENTER);
    this.#shown = [];
    this.#parts.onRedraw();
  }

  readonly #leave = (): void => {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    this.#guard.write(LEAVE);
    try {
      this.#parts.stdin.setRawMode(false);
    } catch {
      // The terminal is gone.
    }
    this.#guard.release();
  };

  readonly #exit = (name: NodeJS.Signals): void => {
    this.#leave();
    process.exit(128 + constants.signals[name]);
  };

  readonly #onData = (text: string): void => {
    clearTimeout(this.#escapeTimer);
    this.#press(this.#keys.decode(text));
    if (this.#keys.isPending) {
      this.#escapeTimer = setTimeout(() => this.#press(this.#keys.flush()), ESCAPE_TIMEOUT);
    }
  };

  #press(keys: readonly Key[]): void {
    for (const key of keys) this.#parts.onKey(key);
  }
}
