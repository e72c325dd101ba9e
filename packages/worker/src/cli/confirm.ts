import { createInterface } from "node:readline/promises";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import type { CommandContext } from "./context.ts";

export interface Confirmation {
  /** What is about to happen, in the imperative and without its mark: `Remove 12 jobs`. */
  readonly what: string;
  /** The value of `--yes`. */
  readonly yes: boolean | undefined;
  /** The command line that needs no answer. */
  readonly line: string;
}

/**
 * Whether the user agrees. Asks on stderr, so that a pipe gets results only; no answer is a no.
 *
 * @throws {CommandError} with `EXIT_CODES.USAGE` where nobody can be asked.
 */
export async function confirm(
  { terminal, signal }: Pick<CommandContext, "terminal" | "signal">,
  { what, yes, line }: Confirmation,
): Promise<boolean> {
  if (yes) return true;
  if (!terminal.isInteractive) {
    throw new CommandError(
      `${what}? There is no terminal to ask on, so nothing was changed. To answer in advance:\n  ${line}`,
      EXIT_CODES.USAGE,
    );
  }
  const answer = await ask(`${terminal.errorColors.bold(`${what}?`)} y/N `, { terminal, signal });
  if (/^y(es)?$/i.test(answer.trim())) return true;
  terminal.inform("Nothing was changed.");
  return false;
}

async function ask(
  question: string,
  { terminal, signal }: Pick<CommandContext, "terminal" | "signal">,
): Promise<string> {
  const { stdin, stderr } = terminal;
  // The terminal edits the line itself, and Ctrl-C stays a signal.
  const lines = createInterface({ input: stdin, output: stderr, terminal: false });
  const { promise: ended, resolve: end } = withResolver<undefined>();
  lines.once("close", () => end(undefined));
  try {
    // The line comes first when the input ends with it.
    const answer = await Promise.race([lines.question(question, { signal }), ended]);
    if (answer === undefined) terminal.inform("");
    return answer ?? "";
  } catch (error) {
    terminal.inform("");
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}

function withResolver<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
