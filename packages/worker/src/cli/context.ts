import type { Queue } from "@org/queue";
import type { DatabaseDefinition } from "../config/config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import type { Terminal } from "./terminal.ts";

export interface OpenQueueOptions {
  /**
   * Whether the command ends when the engine doesn't answer within seconds: engines wait longer, for workers. `false` of
   * commands that need no server, or say themselves that it is away. @default true
   */
  readonly isWatched?: boolean;
  /**
   * Whether the queue may be an embedded one that nobody has chosen. A command would see none of the app's jobs there,
   * and what it changes is lost with it. @default false
   */
  readonly mayBeEmbedded?: boolean;
}

/** What a command works with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Loads the config on the first call. */
  loadConfig(): Promise<LoadedConfig>;
  /** Opens the config's queue on the first call. It is closed after the command. */
  openQueue(options?: OpenQueueOptions): Promise<Queue>;
  /** Opens the config's database; `undefined` if it names none. The config's `close` is called after the command. */
  openDatabase(): Promise<DatabaseDefinition | undefined>;
  /** Rejects when the engine of a watched queue hasn't answered in time. */
  readonly unreachable: Promise<never>;
  /** Aborts on the first SIGINT or SIGTERM. A second one ends the process. */
  readonly signal: AbortSignal;
  /** Closes what was opened. */
  close(): Promise<void>;
}
