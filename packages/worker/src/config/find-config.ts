import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";

const NAMES = ["ts", "mts", "js", "mjs"].map((extension) => `queue.config.${extension}`);

/**
 * The path of the config: the given file, the one in the given directory, or the one in `cwd` or the nearest directory
 * above it.
 *
 * @throws {CommandError} with `EXIT_CODES.CONFIG` when there is none, or several in one directory.
 */
export function findConfig(cwd: string, given: string | undefined): string {
  if (given !== undefined) return findGiven(resolve(cwd, given));
  for (let directory = resolve(cwd); ; directory = dirname(directory)) {
    const found = findIn(directory);
    if (found !== undefined) return found;
    if (directory === dirname(directory)) break;
  }
  throw refused(
    `There is no queue.config.ts (or .mts, .js, .mjs) in ${resolve(cwd)} or above it. Create one with ` +
      "`export default defineConfig({ queue, handlers })`, or name yours with --config FILE.",
  );
}

function findGiven(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw refused(`There is no config at ${path}, which --config names.`);
  if (!stats.isDirectory()) return path;
  const found = findIn(path);
  if (found !== undefined) return found;
  throw refused(`There is no queue.config.ts (or .mts, .js, .mjs) in ${path}, which --config names.`);
}

function findIn(directory: string): string | undefined {
  const found = NAMES.filter((name) => existsSync(join(directory, name)));
  if (found.length > 1)
    throw refused(`${directory} has ${found.join(" and ")}. Remove all but one, or name one with --config.`);
  return found[0] && join(directory, found[0]);
}

function refused(message: string): CommandError {
  return new CommandError(message, EXIT_CODES.CONFIG);
}
