import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { createJiti } from "jiti";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import { describeFailure } from "./describe-failure.ts";
import { opening } from "./opening.ts";

/**
 * Loads a module of the app without a build: TypeScript, `paths` of its tsconfig, ES modules and CommonJS. Packages are
 * loaded by Node itself, so that the app and the command share them.
 *
 * @throws {CommandError} with `EXIT_CODES.CONFIG` that says what failed, with file and line.
 */
export async function loadModule<T>(
  path: string,
  read: (module: object, path: string) => Promise<T>,
): Promise<T> {
  try {
    const jiti = createLoader(path);
    return await opening(path, async () => read(await jiti.import<object>(path), path));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(describeFailure(error, path), EXIT_CODES.CONFIG, { cause: error });
  }
}

function createLoader(path: string) {
  try {
    return createJiti(path, { tsconfigPaths: true, fsCache: cacheDirectory(path) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The tsconfig.json of ${dirname(path)} can't be read: ${reason}`;
    throw new CommandError(message, EXIT_CODES.CONFIG, { cause: error });
  }
}

/** In the app's own `node_modules`: other users may write to the directory of temporary files. */
function cacheDirectory(path: string): string | false {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    const modules = join(directory, "node_modules");
    if (existsSync(modules)) return join(modules, ".cache", "queue-worker");
    if (directory === dirname(directory)) return false;
  }
}
