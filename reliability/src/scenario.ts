import type { AppendFsync } from "./stage/redis-server.ts";
import type { Stage } from "./stage/stage.ts";

/** A fault, and the promise that must hold despite it. */
export interface Scenario {
  readonly name: string;
  /** As a sentence. */
  readonly promise: string;
  /** How the server syncs to disk. @default "no" */
  readonly appendFsync?: AppendFsync;
  /** Whether the auditor may miss events too, so that rules that need all events are skipped. */
  readonly losesEvents?: boolean;
  /** Throws if the promise is broken. The audit checks afterwards what must hold for every scenario. */
  run(stage: Stage): Promise<void>;
}
