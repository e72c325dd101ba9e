import type { QueueConfig } from "./config.ts";

export interface LoadedConfig {
  /** Checked: no unknown keys, every value as its type says. */
  readonly config: QueueConfig;
  /** Absolute. */
  readonly path: string;
}
