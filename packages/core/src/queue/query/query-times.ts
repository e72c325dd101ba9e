import { parseDuration } from "../../contract/duration.ts";
import type { ConditionValue } from "./conditions.ts";
import { JobQueryError } from "./query-error.ts";

/** From the first instant on, until before the second. In milliseconds since the epoch. */
export interface Bounds {
  readonly from?: number;
  readonly to?: number;
}

/** What one time stands for: a day, or the millisecond of an instant. */
interface Moment {
  readonly kind: "day" | "instant" | "ago";
  readonly start: number;
  readonly end: number;
}

const DAY = 86_400_000;
const ISO =
  /^(?<date>(?:\d{4}|[+-]\d{6})-\d\d-\d\d)(?:T(?<time>\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(?<zone>Z|[+-]\d\d:\d\d)?)?$/;
const EXPECTED =
  "expected an age (<2h, >7d), a UTC day (2026-11-29), an instant (>=2026-11-29T08:00Z), or a range of them (2h..1h, 2026-11-28..)";

/** @throws {JobQueryError} */
export function parseTimes(name: string, value: ConditionValue, now: number): Bounds {
  const bounds = readBounds(name, value, now);
  if (bounds.from !== undefined && bounds.to !== undefined && bounds.from >= bounds.to) {
    throw new JobQueryError(value.position, "the range ends before it begins. Write the earlier time first.");
  }
  return bounds;
}

function readBounds(name: string, value: ConditionValue, now: number): Bounds {
  const { text, position } = value;
  const read = (part: string) => {
    const moment = readMoment(part, now);
    if (moment) return moment;
    throw new JobQueryError(position, `${JSON.stringify(part.toWellFormed())} isn't a time: ${EXPECTED}.`);
  };
  const range = /^(.*?)\.\.(.*)$/s.exec(text);
  if (range) {
    const [from, to] = [range[1]!, range[2]!].map((part) =>
      part === "" || part === "*" ? undefined : read(part),
    );
    if (!from && !to) throw new JobQueryError(position, "the range has neither beginning nor end.");
    return {
      ...(from && { from: from.start }),
      ...(to && { to: to.kind === "day" ? to.end : to.start }),
    };
  }
  const [, operator = "", time = ""] = /^([<>]=?)?(.*)$/s.exec(text)!;
  const moment = read(time);
  if (operator === "") {
    if (moment.kind === "day") return { from: moment.start, to: moment.end };
    const [earlier, later] = moment.kind === "ago" ? [">", "<"] : ["<", ">="];
    throw new JobQueryError(
      position,
      `${name}:${time} isn't clear. Write ${name}:${later}${time} for that time and later, ${name}:${earlier}${time} for before it.`,
    );
  }
  // An age grows into the past.
  const isLater = operator.startsWith(moment.kind === "ago" ? "<" : ">");
  const isInclusive = moment.kind === "ago" || operator.endsWith("=");
  if (isLater) return { from: isInclusive ? moment.start : moment.end };
  return { to: isInclusive && moment.kind !== "ago" ? moment.end : moment.start };
}

function readMoment(text: string, now: number): Moment | undefined {
  const age = parseDuration(text);
  if (age !== undefined) return { kind: "ago", start: now - age, end: now - age };
  return readIso(text);
}

function readIso(text: string): Moment | undefined {
  const { date, time, zone = "Z" } = ISO.exec(text.toUpperCase())?.groups ?? {};
  if (date === undefined) return undefined;
  const day = Date.parse(`${date}T00:00Z`);
  // The engine of the language takes the 30th of February for the 2nd of March.
  if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(date.replace(/^\+00/, "")))
    return undefined;
  if (time === undefined) return { kind: "day", start: day, end: day + DAY };
  const instant = Date.parse(`${date}T${time}${zone}`);
  return Number.isNaN(instant) ? undefined : { kind: "instant", start: instant, end: instant + 1 };
}

/** The instant that a text in ISO form names; a day is its first. `undefined` for others. */
export function parseInstant(text: string): Date | undefined {
  const moment = readIso(text);
  return moment && new Date(moment.start);
}

/** As `parseTimes` reads it. Engines count whole milliseconds. */
export function formatBounds(from: Date | number | undefined, to: Date | number | undefined): string {
  const format = (instant: Date | number | undefined) =>
    instant === undefined ? "" : new Date(Math.ceil(Number(instant))).toISOString();
  return `${format(from)}..${format(to)}`;
}
