import type { AttemptOutcome } from "@org/queue/engine";
import type { HistoryEntry } from "@org/queue/testing";

/** One line of a process's history, with the time when it was written, on the shared clock. */
export type Line = { readonly at: number } & (HistoryEntry | Settling | Handling);

/** Written before outcomes are sent, because they may take effect even if no reply arrives. */
interface Settling {
  readonly type: "settling";
  readonly by: string;
  readonly outcomes: readonly {
    readonly id: string;
    readonly epoch: number;
    readonly outcome: AttemptOutcome["type"];
  }[];
}

/** A handler has started, or has returned or thrown. */
interface Handling {
  readonly type: "started" | "finished";
  readonly by: string;
  readonly id: string;
  readonly epoch: number;
}

const OWN_TYPES: readonly Line["type"][] = ["settling", "started", "finished"];

/** Whether the invariant checker knows this type of line. */
export function isHistoryEntry(line: Line): line is Line & HistoryEntry {
  return !OWN_TYPES.includes(line.type);
}

export type LineBody = Line extends infer L ? (L extends Line ? Omit<L, "at"> : never) : never;
