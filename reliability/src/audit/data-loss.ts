import type { Line } from "../history/line.ts";

/**
 * A server that writes to disk once a second forgets, when it is killed, what it had acknowledged in its last
 * second or so: from one moment to another, on the clock that the processes share.
 */
export interface DataLoss {
  readonly from: number;
  readonly to: number;
}

/** The history without the answers that the server may have forgotten. What was asked of it stays. */
export function dropLostReplies(part: readonly Line[], loss: DataLoss): readonly Line[] {
  return part.filter((line) => !isReply(line) || !isWithin(line, loss));
}

/**
 * Such a server also forgets claims, and hands the same epoch out again. That is Redis's choice of durability
 * and nobody else's, so it is excused for the jobs that something happened to in that second. That a job is
 * gone is excused for none that was acknowledged before it.
 */
export function isNotExcused(
  lines: readonly Line[],
  loss: DataLoss,
): (problem: { readonly rule: string; readonly what: string }) => boolean {
  const touched = new Set<string>();
  for (const line of lines) {
    if (!isWithin(line, loss)) continue;
    for (const id of idsOf(line)) touched.add(id);
  }
  return ({ what }) => what.includes("was acknowledged and is gone") || !touched.has(what.split(" ", 1)[0]!);
}

function isReply({ type }: Line): boolean {
  return type === "sent" || type === "claimed" || type === "settled" || type === "operated";
}

function isWithin({ at }: Line, { from, to }: DataLoss): boolean {
  return at >= from && at <= to;
}

function idsOf(line: Line): readonly string[] {
  switch (line.type) {
    case "claimed":
      return line.jobs.map(({ id }) => id);
    case "sent":
      return line.requested;
    case "settling":
      return line.outcomes.map(({ id }) => id);
    case "settled":
    case "started":
    case "finished":
      return [line.id];
    default:
      return [];
  }
}
