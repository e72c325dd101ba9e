import type { AppendFsync } from "./stage/redis-server.ts";
import type { Stage } from "./stage/stage.ts";

/** A fault, and what is promised to hold all the same. */
export interface Scenario {
  readonly name: string;
  /** As a sentence. */
  readonly promise: string;
  /** How its server writes to disk. @default "no" */
  readonly appendFsync?: AppendFsync;
  /** The fault hits the auditor's connection too: it may miss events, and rules that need all are left out. */
  readonly losesEvents?: boolean;
  /** Throws when the promise is broken. What holds for every scenario is audited afterwards. */
  run(stage: Stage): Promise<void>;
}
