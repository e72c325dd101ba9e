import { COMMON_FLAGS, type Command, type CommandEntry, type FlagDefinitions } from "./command.ts";
import type { Terminal } from "./terminal.ts";

type Paint = Terminal["colors"];

/** The help of the whole command. */
export function commandList(groups: Readonly<Record<string, readonly CommandEntry[]>>, paint: Paint): string {
  const width = Math.max(
    ...Object.values(groups)
      .flat()
      .map(({ name }) => name.length),
  );
  return [
    `${paint.bold("queue")} runs workers and operates queues of @org/queue.`,
    "",
    `${paint.bold("Usage:")} queue COMMAND [arguments] [--flags]`,
    ...Object.entries(groups).flatMap(([title, entries]) => [
      "",
      paint.bold(title),
      ...entries.map(({ name, summary }) => `  ${paint.cyan(name.padEnd(width))}  ${summary}`),
    ]),
    "",
    "queue COMMAND --help says more of one.",
  ].join("\n");
}

/** The help of one command. */
export function usage(
  command: Command,
  { colors: paint, columns }: Pick<Terminal, "colors" | "columns">,
): string {
  const args = (command.arguments ?? []).map(({ name, required = true, rest = false }) => {
    const shown = rest ? `${name}…` : name;
    return required ? shown : `[${shown}]`;
  });
  return [
    `${paint.bold(`queue ${command.name}`)}: ${command.summary}`,
    "",
    `${paint.bold("Usage:")} ${["queue", command.name, ...args, "[--flags]"].join(" ")}`,
    ...(command.description ? ["", command.description] : []),
    ...section(
      "Arguments",
      (command.arguments ?? []).map(({ name, description }) => [name, description]),
      paint,
      columns,
    ),
    ...section("Flags", flagRows(command.flags), paint, columns),
    ...section("Flags of every command", flagRows(COMMON_FLAGS), paint, columns),
    ...(command.examples.length > 0 ? ["", paint.bold("Examples")] : []),
    ...command.examples.flatMap(([line, does]) => [`  ${paint.dim(`# ${does}`)}`, `  ${line}`]),
  ].join("\n");
}

function flagRows(flags: FlagDefinitions): (readonly [string, string])[] {
  return Object.entries(flags).map(([name, { short, value, description }]) => {
    const long = value ? `--${name} ${value}` : `--${name}`;
    return [short ? `-${short}, ${long}` : `    ${long}`, description];
  });
}

/** Two columns; the second is wrapped at words to the terminal's width. */
function section(
  title: string,
  rows: readonly (readonly [string, string])[],
  paint: Paint,
  columns: number,
): string[] {
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.flatMap(([left, right]) =>
    wrap(right, Math.max(MIN_WIDTH, columns - width - 4)).map((line, index) =>
      `  ${paint.cyan((index === 0 ? left : "").padEnd(width))}  ${line}`.trimEnd(),
    ),
  );
  return ["", paint.bold(title), ...lines];
}

/** Of a description, in columns: in a narrower terminal its lines are broken by the terminal. */
const MIN_WIDTH = 24;

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
