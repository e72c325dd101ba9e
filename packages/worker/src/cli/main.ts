import { isQueueError } from "@org/queue";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import type { CommandContext } from "./context.ts";
import { closest, parseLine } from "./parse.ts";
import type { Terminal } from "./terminal.ts";
import { commandList, usage } from "./usage.ts";

export interface MainParts {
  readonly terminal: Terminal;
  readonly openContext: (flags: { readonly config: string | undefined }) => CommandContext;
}

/** Runs one command line. Resolves with the exit code; errors are printed, not thrown. */
export async function main(line: readonly string[], parts: MainParts): Promise<number> {
  const { terminal } = parts;
  try {
    return await run(line, parts);
  } catch (error) {
    const isVerbose = line.includes("--verbose");
    terminal.inform(`${terminal.errorColors.red("error:")} ${describe(error, isVerbose)}`);
    return exitCodeOf(error);
  }
}

async function run(
  [name, ...rest]: readonly string[],
  { terminal, openContext }: MainParts,
): Promise<number> {
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const command = rest[0] === undefined ? undefined : await find(rest[0]);
    terminal.print(command ? usage(command, terminal.colors) : commandList(COMMANDS, terminal.colors));
    return EXIT_CODES.OK;
  }
  const command = await find(name);
  const { args, flags } = parseLine(command, rest);
  if (flags.help === true) {
    terminal.print(usage(command, terminal.colors));
    return EXIT_CODES.OK;
  }
  const context = openContext({ config: flags.config as string | undefined });
  try {
    return (await command.run({ args, flags: flags as never }, context)) ?? EXIT_CODES.OK;
  } finally {
    await context.close();
  }
}

async function find(name: string): Promise<Command> {
  const entries = Object.values(COMMANDS).flat();
  const entry = entries.find((each) => each.name === name);
  if (entry) return entry.load();
  const isFlag = name.startsWith("-");
  const close = isFlag
    ? undefined
    : closest(
        name,
        entries.map((each) => each.name),
      );
  throw new CommandError(
    `Unknown ${isFlag ? "flag" : "command"} ${name}.${close ? ` Did you mean ${close}?` : ""} See: queue --help`,
    EXIT_CODES.USAGE,
  );
}

function describe(error: unknown, isVerbose: boolean): string {
  if (isVerbose && error instanceof Error) return error.stack ?? error.message;
  return error instanceof Error ? error.message : String(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError) return error.exitCode;
  if (!isQueueError(error)) return EXIT_CODES.FAILED;
  if (error.code === "ENGINE_MISCONFIGURED" || error.code === "DATABASE_MISCONFIGURED")
    return EXIT_CODES.CONFIG;
  return error.retryable ? EXIT_CODES.UNAVAILABLE : EXIT_CODES.FAILED;
}
