import type { CommandContext } from "./context.ts";

/** A flag of a command, without its dashes. */
export interface FlagDefinition {
  /** A `boolean` is switched on by naming it. */
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given several times: its value is an array. */
  readonly multiple?: boolean;
  /** What the value is, for the help: `FILE`, `N`. */
  readonly value?: string;
  readonly description: string;
}

export type FlagDefinitions = Readonly<Record<string, FlagDefinition>>;

/** The values of flags, typed by their definitions. Absent ones are undefined. */
export type FlagValues<F extends FlagDefinitions> = {
  readonly [Name in keyof F]:
    | (F[Name] extends { multiple: true }
        ? readonly string[]
        : F[Name] extends { type: "boolean" }
          ? boolean
          : string)
    | undefined;
};

/** What a command is given in its place, for the help and the count. */
export interface ArgumentDefinition {
  readonly name: string;
  readonly description: string;
  /** @default true */
  readonly required?: boolean;
  /** Takes all that are left, as in `ID…`. Only the last may. @default false */
  readonly rest?: boolean;
}

/** A command is data: the parser, the help and the documentation are made of it. */
export interface Command<F extends FlagDefinitions = FlagDefinitions> {
  readonly name: string;
  /** One line, as in the list of commands. */
  readonly summary: string;
  /** More of it, in its own help. Lines are kept. */
  readonly description?: string;
  readonly arguments?: readonly ArgumentDefinition[];
  readonly flags: F;
  /** Command lines with what they do. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /**
   * Whether what the app prints may be on stdout, among what the command prints. Otherwise only its warnings and errors
   * are printed, to stderr; all of it with `--verbose`. @default false
   */
  readonly sharesStdout?: boolean;
  /** Resolves with the exit code; `undefined` is `EXIT_CODES.OK`. */
  run(
    input: {
      readonly args: readonly string[];
      readonly flags: FlagValues<F> & FlagValues<typeof COMMON_FLAGS>;
    },
    context: CommandContext,
  ): Promise<number | undefined>;
}

/** Flags that each command takes. */
export const COMMON_FLAGS = {
  config: {
    type: "string",
    short: "c",
    value: "FILE",
    description: "the config (queue.config.ts, found upwards)",
  },
  json: { type: "boolean", description: "print JSON: one document, or one a line for streams" },
  verbose: { type: "boolean", description: "print stacks of errors, and what the app prints" },
  help: { type: "boolean", short: "h", description: "print this" },
} as const satisfies FlagDefinitions;

/** Infers the types of a command's flags. */
export function defineCommand<const F extends FlagDefinitions>(command: Command<F>): Command {
  return command as unknown as Command;
}

/** A command that is loaded when it is run, so that `--help` loads none of what it needs. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}
