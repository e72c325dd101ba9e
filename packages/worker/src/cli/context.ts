import type { Queue } from "@org/queue";
import type { LoadedConfig } from "../config/load-config.ts";
import type { Terminal } from "./terminal.ts";

/** What a command works with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Loads the config on the first call. */
  loadConfig(): Promise<LoadedConfig>;
  /** Opens the config's queue on the first call. It is closed after the command. */
  openQueue(): Promise<Queue>;
  /** Aborts on the first SIGINT or SIGTERM. A second one ends the process. */
  readonly signal: AbortSignal;
  /** Closes what was opened. */
  close(): Promise<void>;
}
