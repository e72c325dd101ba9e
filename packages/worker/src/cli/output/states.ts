import type { GraphNode, JobState } from "@org/queue";
import type { Terminal } from "../terminal.ts";

type Colors = Terminal["colors"];

const PAINT: Readonly<Record<JobState, (colors: Colors) => (text: string) => string>> = {
  blocked: ({ yellow }) => yellow,
  scheduled: ({ blue }) => blue,
  queued: ({ cyan }) => cyan,
  active:
    ({ bold, cyan }) =>
    (text) =>
      bold(cyan(text)),
  completed: ({ green }) => green,
  failed: ({ red }) => red,
  cancelled: ({ magenta }) => magenta,
};

/** Colours a text by a job's state. */
export function paintState(colors: Colors, state: JobState | null, text: string = state ?? "gone"): string {
  return state === null ? colors.dim(text) : PAINT[state](colors)(text);
}

/** The instant that says most of a job: its end, what it waits for, its start, or when it was sent. */
export function latestTime(job: NonNullable<GraphNode["job"]>): Date {
  return job.finishedAt ?? job.runAt ?? (job.state === "active" ? job.startedAt : undefined) ?? job.createdAt;
}
