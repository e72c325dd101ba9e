import { accessSync, constants, globSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * The first of these programs in the directory `TEST_SERVER_PROGRAMS`. Set it to test another version of a server, and
 * nothing else.
 */
export function chosenExecutable(names: readonly string[]): string | undefined {
  const directory = process.env.TEST_SERVER_PROGRAMS;
  return directory ? names.map((name) => join(directory, name)).find(isExecutable) : undefined;
}

/** The first of these programs on the PATH, or in one of these directories (glob patterns). */
export function findExecutable(names: readonly string[], alsoIn: readonly string[] = []): string | undefined {
  const onPath = (process.env.PATH ?? "").split(delimiter).filter((directory) => directory !== "");
  // If there are several versions, the highest first.
  const packaged = alsoIn.flatMap((pattern) => globSync(pattern).sort(byVersionDescending));
  for (const directory of [...onPath, ...packaged]) {
    const found = names.map((name) => join(directory, name)).find(isExecutable);
    if (found) return found;
  }
  return undefined;
}

function byVersionDescending(a: string, b: string): number {
  return b.localeCompare(a, "en", { numeric: true });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
