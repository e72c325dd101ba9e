import type { FailureGroupKey, FailureGroupRecord, FailureHourRecord } from "../../engine/failure-groups.ts";
import { notACursor } from "../../engine/list-cursor.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A group as an outcome carries it: see `lua/settle.lua`. */
export function encodeGroup({ fingerprint, code, title, frame }: FailureGroupKey): string {
  return JSON.stringify(frame === undefined ? [fingerprint, code, title] : [fingerprint, code, title, frame]);
}

/** Decodes the groups in the reply of `lua/failure-groups.lua`. */
export function parseGroups(reply: readonly unknown[]): readonly FailureGroupRecord[] {
  const groups: FailureGroupRecord[] = [];
  for (let index = 0; index < reply.length; index += 4) {
    const [fingerprint, lastAt, flat, samples] = reply.slice(index, index + 4) as [
      string,
      string,
      readonly string[],
      readonly string[],
    ];
    const fields = new Map<string, string>();
    for (let at = 0; at < flat.length; at += 2) fields.set(flat[at]!, flat[at + 1]!);
    const text = (field: string) => fields.get(field) ?? "";
    groups.push({
      fingerprint,
      code: text("c"),
      title: text("t"),
      ...(text("w") !== "" && { frame: text("w") }),
      messageType: text("m"),
      queue: text("q"),
      firstAt: Number(text("first") || lastAt),
      lastAt: Number(lastAt),
      failed: Number(text("failed")),
      retried: Number(text("retried")),
      hours: hoursOf(fields),
      samples,
    });
  }
  return groups;
}

function hoursOf(fields: ReadonlyMap<string, string>): readonly FailureHourRecord[] {
  const hours = new Map<number, Mutable<FailureHourRecord>>();
  for (const [field, count] of fields) {
    const [, kind, at] = /^([fr])(\d+)$/.exec(field) ?? [];
    if (at === undefined) continue;
    const hour = Number(at);
    const counts = hours.get(hour) ?? { hour, failed: 0, retried: 0 };
    counts[kind === "f" ? "failed" : "retried"] += Number(count);
    hours.set(hour, counts);
  }
  return [...hours.values()].sort((a, b) => a.hour - b.hour);
}

export function groupCursor({ lastAt, fingerprint }: FailureGroupRecord): string {
  return `${lastAt} ${fingerprint}`;
}

/** Instant and fingerprint of the group that a cursor comes after. */
export function placeOfCursor(cursor: string | undefined): readonly [string, string] {
  if (cursor === undefined) return ["", ""];
  const [, instant, fingerprint] = /^(\d{1,15}) (\S+)$/.exec(cursor) ?? [];
  if (instant === undefined || fingerprint === undefined) throw notACursor(cursor);
  return [instant, fingerprint];
}
