import type { Readable, Writable } from "node:stream";
import pc from "picocolors";
import { wantsColors } from "../wants-colors.ts";
import { jsonText } from "./output/text.ts";

type Colors = ReturnType<typeof pc.createColors>;

interface TerminalParts {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Where a command prints. Results go to stdout; progress, questions and errors to stderr. */
export class Terminal {
  readonly #parts: TerminalParts;
  readonly stdout: TerminalParts["stdout"];
  readonly stderr: TerminalParts["stderr"];
  /** Of stdout. They return their text unchanged where colours aren't wanted. */
  readonly colors: Colors;
  readonly errorColors: Colors;

  constructor(parts: TerminalParts) {
    const { stdout, stderr, env } = parts;
    this.#parts = parts;
    this.stdout = stdout;
    this.stderr = stderr;
    this.colors = pc.createColors(wantsColors(stdout.isTTY, env));
    this.errorColors = pc.createColors(wantsColors(stderr.isTTY, env));
  }

  /** Node opens it on the first look, which takes time that most commands needn't spend. */
  get stdin(): TerminalParts["stdin"] {
    return this.#parts.stdin;
  }

  /** Width of a line. 80 where stdout isn't a terminal, as in a pipe. */
  get columns(): number {
    return this.stdout.columns ?? 80;
  }

  get isInteractive(): boolean {
    return this.stdin.isTTY === true && this.stderr.isTTY === true;
  }

  print(line: string): void {
    this.stdout.write(`${line}\n`);
  }

  printJson(value: unknown): void {
    this.print(jsonText(value, this.stdout.isTTY ? 2 : undefined));
  }

  /** To stderr, so that it isn't mixed into what a pipe reads. */
  inform(line: string): void {
    this.stderr.write(`${line}\n`);
  }
}

/** From now on what the app prints goes to stderr: stdout has only the results of a command, or lines of JSON. */
export function printToStderr(): void {
  console.log = console.info = console.debug = console.error;
}

/** From now on what the app prints is dropped, except for warnings and errors: it is no part of a command's answer. */
export function silence(): void {
  console.log = console.info = console.debug = () => {};
}
