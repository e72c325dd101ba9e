import { COMMON_FLAGS, type Command, type CommandEntry, type FlagDefinitions } from "./command.ts";
import { wrap } from "./output/text.ts";
import type { Terminal } from "./terminal.ts";

type Paint = Terminal["colors"];

/** Narrower, a table's second column isn't wrapped. */
const MIN_COLUMN = 30;

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

/** The help of one command, wrapped to a terminal's columns. */
export function usage(
  command: Command,
  { colors: paint, columns }: Pick<Terminal, "colors" | "columns">,
): string {
  const args = (command.arguments ?? []).map(({ name, required = true, rest = false }) => {
    const shown = rest ? `${name}…` : name;
    return required ? shown : `[${shown}]`;
  });
  return [
    ...indented(`queue ${command.name}: `, command.summary, columns).map((line) =>
      line.replace(`queue ${command.name}`, paint.bold),
    ),
    "",
    `${paint.bold("Usage:")} ${["queue", command.name, ...args, "[--flags]"].join(" ")}`,
    ...(command.description ? ["", ...wrapLines(command.description, columns)] : []),
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

function section(
  title: string,
  rows: readonly (readonly [string, string])[],
  paint: Paint,
  columns: number,
): string[] {
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    "",
    paint.bold(title),
    ...rows.flatMap(([left, right]) => {
      const [first = "", ...others] = indented(`  ${left.padEnd(width)}  `, right, columns);
      return [first.replace(left, paint.cyan), ...others];
    }),
  ];
}

/** What is left of the second column, in a line of a table. */
const FIRST_COLUMN = /^\s*\S+(?: \S+)*\s{2,}(?=\S)/;

/** Prose that goes on in the next line becomes one paragraph; the rows of a table stay rows. */
function wrapLines(text: string, columns: number): string[] {
  const paragraphs: string[] = [];
  let goesOn = false;
  for (const line of text.split("\n")) {
    if (goesOn) paragraphs.push(`${paragraphs.pop()} ${line}`);
    else paragraphs.push(line);
    goesOn = line.length > 80 && !FIRST_COLUMN.test(line);
  }
  return paragraphs.flatMap((line) => {
    const [left = ""] = FIRST_COLUMN.exec(line) ?? [];
    return indented(left, line.slice(left.length), columns);
  });
}

/** Text after what is left of it, with its further lines below its first. */
function indented(left: string, text: string, columns: number): string[] {
  const width = columns - left.length;
  if (width < MIN_COLUMN || text.length <= width) return [left + text];
  return wrap(text, width).map((line, index) => (index === 0 ? left : " ".repeat(left.length)) + line);
}
