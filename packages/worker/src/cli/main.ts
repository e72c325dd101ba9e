import { closest } from "../closest.ts";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import { COMMON_FLAGS, type Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import type { CommandContext } from "./context.ts";
import { describeError, stackOf } from "./describe-error.ts";
import { Interrupted } from "./interrupted.ts";
import type { ContextParts } from "./open-context.ts";
import { safeLines } from "./output/text.ts";
import { parseLine } from "./parse.ts";
import type { Terminal } from "./terminal.ts";
import { commandList, usage } from "./usage.ts";

export interface MainParts {
  readonly terminal: Terminal;
  /** Of this package. */
  readonly readVersion: () => string;
  readonly openContext: (
    options: Pick<ContextParts, "config" | "sharesStdout" | "isVerbose">,
  ) => CommandContext;
}

/** Runs one command line. Resolves with the exit code; errors are printed, not thrown. */
export async function main(line: readonly string[], parts: MainParts): Promise<number> {
  try {
    return await run(line, parts);
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    return reportError(error, line, parts.terminal);
  }
}

/** Prints an error as the command line asks for it, and returns its exit code. */
export function reportError(error: unknown, line: readonly string[], terminal: Terminal): number {
  const { code, message, exitCode, isExpected } = describeError(error);
  const isVerbose = line.includes("--verbose");
  if (line.includes("--json")) {
    const stack = isVerbose ? { stack: stackOf(error) } : {};
    terminal.inform(JSON.stringify({ error: { code, message, ...stack } }));
    return exitCode;
  }
  const { red, dim } = terminal.errorColors;
  terminal.inform(`${red("error:")} ${safeLines(message).join("\n")}`);
  if (isVerbose) terminal.inform(dim(stackOf(error)));
  else if (!isExpected) terminal.inform(dim("--verbose prints where it is from."));
  return exitCode;
}

async function run([name, ...rest]: readonly string[], parts: MainParts): Promise<number> {
  const { terminal, readVersion } = parts;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const topic = rest.find((word) => !word.startsWith("-"));
    const command = topic === undefined ? undefined : await find(topic);
    terminal.print(command ? usage(command, terminal) : commandList(COMMANDS, terminal.colors));
    return EXIT_CODES.OK;
  }
  if (name === "--version" || name === "version") {
    terminal.print(readVersion());
    return EXIT_CODES.OK;
  }
  const command = await find(name);
  const { args, flags } = parseLine(command, rest);
  if (flags.help === true) {
    terminal.print(usage(command, terminal));
    return EXIT_CODES.OK;
  }
  const { sharesStdout = false } = command;
  const context = parts.openContext({
    config: flags.config as string | undefined,
    sharesStdout,
    isVerbose: flags.verbose === true,
  });
  return runAndClose(() => command.run({ args, flags: flags as never }, context), context);
}

/** An error of the command matters more than one of closing. */
async function runAndClose(run: () => Promise<number | undefined>, context: CommandContext): Promise<number> {
  let exitCode: number | undefined;
  try {
    exitCode = await Promise.race([run(), context.unreachable]);
  } catch (error) {
    await context.close().catch(() => undefined);
    throw error;
  }
  await context.close();
  return exitCode ?? EXIT_CODES.OK;
}

async function find(name: string): Promise<Command> {
  const entries = Object.values(COMMANDS).flat();
  const entry = entries.find((each) => each.name === name);
  if (entry) return entry.load();
  throw new CommandError(
    `${describeUnknown(
      name,
      entries.map((each) => each.name),
    )} See: queue --help`,
    EXIT_CODES.USAGE,
  );
}

function describeUnknown(name: string, names: readonly string[]): string {
  if (name.startsWith("-")) {
    const [flag = ""] = name.split("=");
    return Object.hasOwn(COMMON_FLAGS, flag.replace(/^--/, ""))
      ? `${flag} comes after the command: queue COMMAND ${flag}.`
      : `Unknown flag ${flag}.`;
  }
  const close = closest(name, names);
  return `Unknown command ${name}.${close ? ` Did you mean ${close}?` : ""}`;
}
