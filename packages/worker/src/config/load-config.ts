import { dirname } from "node:path";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import { checkConfig } from "./check-config.ts";
import type { QueueConfig } from "./config.ts";
import { findConfig } from "./find-config.ts";
import { type Environment, loadEnvFiles } from "./load-env-files.ts";
import { loadModule } from "./load-module.ts";

export interface LoadedConfig {
  /** Checked: no unknown keys, every value as its type says. */
  readonly config: QueueConfig;
  /** Absolute. */
  readonly path: string;
  /** What was set before `.env` files were read. A process that gets it reads them again. */
  readonly initialEnv: Environment;
}

export interface LoadConfigOptions {
  readonly cwd: string;
  /** The file, or its directory, from `cwd`. @default found in `cwd` or above */
  readonly path?: string | undefined;
}

/**
 * Finds a config, reads the `.env` files next to it into `process.env`, loads and checks it. Its default export may be
 * a promise of a config, or a function that returns one.
 *
 * @throws {CommandError} with `EXIT_CODES.CONFIG`, which says what is wrong where.
 */
export async function loadConfig({ cwd, path: given }: LoadConfigOptions): Promise<LoadedConfig> {
  const path = findConfig(cwd, given);
  const initialEnv = loadEnvFiles(dirname(path));
  const config = checkConfig(await loadModule(path, readDefault), path);
  return { config, path, initialEnv };
}

async function readDefault(module: object, path: string): Promise<unknown> {
  // The loader adds members to what it returns, but no own ones.
  const hasDefault = Object.hasOwn(module, "default");
  if (!hasDefault && (Object.hasOwn(module, "__esModule") || Object.keys(module).length === 0)) {
    throw refused(path, "it has no default export");
  }
  const exported = hasDefault ? (module as { readonly default: unknown }).default : module;
  const config: unknown = await (typeof exported === "function" ? exported() : exported);
  if (config !== undefined) return config;
  throw refused(
    path,
    typeof exported === "function" ? "its function returns nothing" : "its default export is undefined",
  );
}

function refused(path: string, problem: string): CommandError {
  const message = `${path}: ${problem}. Write: export default defineConfig({ queue, handlers })`;
  return new CommandError(message, EXIT_CODES.CONFIG);
}
