/** Flags by name. Absent ones are left out. */
export type ShownFlags = Readonly<Record<string, string | boolean | undefined>>;

/** A command line to copy into a POSIX shell. */
export function shellLine(name: string, args: readonly string[], flags: ShownFlags): string {
  const shownFlags = Object.entries(flags).flatMap(([flag, value]) => {
    if (value === undefined || value === false) return [];
    if (value === true) return [`--${flag}`];
    return value.startsWith("-") ? [`--${flag}=${shellQuote(value)}`] : [`--${flag}`, shellQuote(value)];
  });
  const shownArgs = args.map(shellQuote);
  const hasDash = args.some((arg) => arg.startsWith("-"));
  return [
    "queue",
    name,
    ...(hasDash ? [...shownFlags, "--", ...shownArgs] : [...shownArgs, ...shownFlags]),
  ].join(" ");
}

function shellQuote(text: string): string {
  return /^[\w.:,/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
