import type { Line } from "../history/line.ts";

/**
 * The period of data that a killed server lost. A server that syncs to disk once a second loses what it acknowledged in
 * its last second or so. Times are on the clock that the processes share.
 */
export interface DataLoss {
  readonly from: number;
  readonly to: number;
}

/** Drops replies to calls that the server may have lost from a history. The calls themselves stay. */
export function dropLostReplies(part: readonly Line[], loss: DataLoss): readonly Line[] {
  return part.filter((line) => !isReply(line) || !isWithin(line, loss));
}

/**
 * A server that lost data also lost claims, and assigns their epochs again. This is due to the durability of Redis, so
 * violations are excused for jobs with activity in that period. The loss of a job that was acknowledged earlier isn't.
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
  return ({ what }) =>
    what.includes("was acknowledged and is missing") || !touched.has(what.split(" ", 1)[0]!);
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
