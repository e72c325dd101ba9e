import { parseArgs } from "node:util";
import { closest } from "../closest.ts";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import { COMMON_FLAGS, type Command, type FlagDefinitions } from "./command.ts";

export interface ParsedLine {
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
}

/**
 * Reads a command's arguments and flags. Unknown flags are refused with the closest known one.
 *
 * @throws {CommandError} with `EXIT_CODES.USAGE`.
 */
export function parseLine(command: Command, line: readonly string[]): ParsedLine {
  const flags: FlagDefinitions = { ...command.flags, ...COMMON_FLAGS };
  const { values, positionals } = readFlags(command, flags, line);
  if (values.help !== true) checkCount(command, positionals);
  return { args: positionals, flags: values as ParsedLine["flags"] };
}

function readFlags(command: Command, flags: FlagDefinitions, line: readonly string[]) {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { type, short, multiple = false }]) => [
      name,
      { type, multiple, ...(short !== undefined && { short }) },
    ]),
  );
  for (const word of line) {
    if (word === "--") break;
    const name = /^--([^=]+)/.exec(word)?.[1];
    if (name !== undefined && !Object.hasOwn(flags, name))
      throw unknownFlag(command, name, Object.keys(flags));
  }
  try {
    return parseArgs({ args: [...line], options, allowPositionals: true, strict: true });
  } catch (error) {
    const [, given] = /^Option '(-[^' ,]+).*' argument is ambiguous/.exec((error as Error).message) ?? [];
    if (given !== undefined) {
      const [long = ""] = Object.entries(flags).find(([, { short }]) => `-${short}` === given) ?? [];
      const flag = given.startsWith("--") ? given : `--${long}`;
      throw usageError(command, `${given} has no value. One that begins with a dash: ${flag}=-VALUE.`);
    }
    // Node's first sentence names the flag and what is wrong; the rest is about parseArgs.
    const [said] = (error as Error).message.split(/\. |\n/);
    throw usageError(command, `${said}.`);
  }
}

function unknownFlag(command: Command, name: string, known: readonly string[]): CommandError {
  const close = closest(name, known);
  return usageError(command, `Unknown flag --${name}.${close ? ` Did you mean --${close}?` : ""}`);
}

function checkCount(command: Command, args: readonly string[]): void {
  const definitions = command.arguments ?? [];
  const missing = definitions.find(({ required = true }, index) => required && args.length <= index);
  if (missing) throw usageError(command, `${missing.name} is missing: ${missing.description}.`);
  const surplus = args[definitions.length];
  if (surplus !== undefined && !definitions.at(-1)?.rest) {
    throw usageError(command, `${JSON.stringify(surplus)} is one argument too many.`);
  }
}

/** An error in how the command was called: it ends with a hint at the command's help. */
function usageError({ name }: Pick<Command, "name">, message: string): CommandError {
  return new CommandError(`${message} See: queue ${name} --help`, EXIT_CODES.USAGE);
}
