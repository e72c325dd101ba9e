import nextEnv from "@next/env";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the `.env` files of a directory into `process.env` as Next does: `.env.local` and those of `NODE_ENV`, without
 * replacing what is set. Returns the environment as it was.
 *
 * @throws {CommandError} with `EXIT_CODES.CONFIG` for a file that can't be read.
 */
export function loadEnvFiles(directory: string): Environment {
  const before = { ...process.env };
  // Next marks the environment of its processes. A command that one of them starts has a directory of its own.
  delete process.env.__NEXT_PROCESSED_ENV;
  const onError = (message: string, error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`${directory}: ${message}: ${reason}`, EXIT_CODES.CONFIG);
  };
  nextEnv.loadEnvConfig(directory, process.env.NODE_ENV !== "production", { info: () => {}, error: onError });
  return before;
}
