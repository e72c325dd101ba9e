import type { Dependency, DependencyFailurePolicy, NewJob, WireEnvelope } from "../../engine/job.ts";
import type { Profile } from "./profiles.ts";

/**
 * The value of a job's key: a header line, then the data as it was sent. The header is
 * `profile sequence created stamp flags[ extras]`. The server adds the first three. What most jobs don't have is in the
 * extras, JSON with one-letter names.
 */
export interface JobValue {
  readonly profileId: string;
  readonly createdAt: number;
  readonly stamp: string;
  readonly extras: Extras | undefined;
  readonly data: string;
}

interface Extras {
  /** Priority, when it isn't 0. */
  readonly p?: number;
  /** Ordering key. */
  readonly o?: string;
  /** Dependencies: id and policy's first letter, in turn. */
  readonly d?: readonly string[];
  /** Window in milliseconds, and dedupe key. */
  readonly w?: readonly [number, string];
  /** Values of searchable fields. */
  readonly s?: Readonly<Record<string, string>>;
  /** User, metadata, trace context. */
  readonly u?: string;
  readonly m?: string;
  readonly t?: string;
}

const POLICIES: Readonly<Record<string, DependencyFailurePolicy>> = { c: "cancel", r: "run", h: "hold" };

let lastTimestamp = "";
let lastStamp = "";

/** The time of an envelope in few characters. Cached, since consecutive jobs often have the same time. */
function encodeStamp(timestamp: string): string {
  if (timestamp !== lastTimestamp) {
    const milliseconds = Date.parse(timestamp);
    const isCanonical = !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString() === timestamp;
    lastStamp = isCanonical ? String(milliseconds) : `"${timestamp}`;
    lastTimestamp = timestamp;
  }
  return lastStamp;
}

let lastRead = "";
let lastText = "";

/** Cached: `toISOString` is slow, and most jobs of a batch have the same time. */
function decodeStamp(stamp: string): string {
  if (stamp !== lastRead) {
    lastText = stamp.startsWith('"') ? stamp.slice(1) : new Date(Number(stamp)).toISOString();
    lastRead = stamp;
  }
  return lastText;
}

/** Says what is in the extras: `k` an ordering key, `d` dependencies, `p` a priority, `w` a dedupe key and its window. */
function flagsOf({ ordering, dependsOn, priority, dedupe }: NewJob): string {
  const flags = `${ordering ? "k" : ""}${dependsOn.length > 0 ? "d" : ""}${priority > 0 ? "p" : ""}${dedupe ? "w" : ""}`;
  return flags === "" ? "-" : flags;
}

/** `""` if there are none. */
function encodeExtras({ envelope, ordering, dependsOn, priority, dedupe, search }: NewJob): string {
  const { userId, metadata, traceparent } = envelope;
  const values = search === undefined ? undefined : valuesOf(search);
  const hasNone =
    userId === undefined &&
    metadata === undefined &&
    traceparent === undefined &&
    ordering === undefined &&
    dependsOn.length === 0 &&
    dedupe === undefined &&
    values === undefined &&
    priority === 0;
  if (hasNone) return "";
  const extras: Extras = {
    ...(priority > 0 && { p: priority }),
    ...(ordering && { o: ordering.key }),
    ...(dependsOn.length > 0 && { d: dependsOn.flatMap(({ job, onFailure }) => [job, onFailure[0]!]) }),
    ...(dedupe && { w: [Math.ceil(dedupe.window), dedupe.key] as const }),
    ...(values && { s: values }),
    ...(userId !== undefined && { u: userId }),
    ...(metadata !== undefined && { m: metadata }),
    ...(traceparent !== undefined && { t: traceparent }),
  };
  return JSON.stringify(extras);
}

/** `undefined` if the job has no value. */
function valuesOf(search: NonNullable<NewJob["search"]>): Readonly<Record<string, string>> | undefined {
  const given = Object.entries(search).filter((entry): entry is [string, string] => entry[1] !== null);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

let lastPlainStamp = "";
let lastPlainHeader = "";

/** The part of a job's header that the sender writes. Cached, since consecutive jobs often have the same. */
export function encodeHeader(job: NewJob): string {
  const stamp = encodeStamp(job.envelope.timestamp);
  const extras = encodeExtras(job);
  if (extras !== "") return ` ${stamp} ${flagsOf(job)} ${extras}\n`;
  if (stamp !== lastPlainStamp) {
    lastPlainHeader = ` ${stamp} -\n`;
    lastPlainStamp = stamp;
  }
  return lastPlainHeader;
}

/** The id of a job's profile, without parsing the rest. */
export function profileIdOf(value: string): string {
  return value.slice(0, value.indexOf(" "));
}

export function decodeValue(value: string): JobValue {
  const sequenceAt = value.indexOf(" ") + 1;
  const createdAt = value.indexOf(" ", sequenceAt) + 1;
  const stampAt = value.indexOf(" ", createdAt) + 1;
  const flagsAt = value.indexOf(" ", stampAt) + 1;
  const lineEnd = value.indexOf("\n", flagsAt);
  if (flagsAt === 0 || lineEnd < 0) throw new Error("The header of a job can't be read.");
  return {
    profileId: value.slice(0, sequenceAt - 1),
    createdAt: Number(value.slice(createdAt, stampAt - 1)),
    stamp: value.slice(stampAt, flagsAt - 1),
    extras: decodeExtras(value, flagsAt, lineEnd),
    data: value.slice(lineEnd + 1),
  };
}

/** Most headers end with `-`: no extras. */
function decodeExtras(value: string, flagsAt: number, lineEnd: number): Extras | undefined {
  if (lineEnd === flagsAt + 1) return undefined;
  const flagsEnd = value.indexOf(" ", flagsAt);
  return flagsEnd >= 0 && flagsEnd < lineEnd ? JSON.parse(value.slice(flagsEnd + 1, lineEnd)) : undefined;
}

export function envelopeOf(id: string, { stamp, extras, data }: JobValue, profile: Profile): WireEnvelope {
  const envelope: { -readonly [Key in keyof WireEnvelope]: WireEnvelope[Key] } = {
    id,
    messageType: profile.messageType,
    version: profile.version,
    timestamp: decodeStamp(stamp),
    data,
  };
  if (extras?.u !== undefined) envelope.userId = extras.u;
  if (extras?.m !== undefined) envelope.metadata = extras.m;
  if (extras?.t !== undefined) envelope.traceparent = extras.t;
  return envelope;
}

export function dependenciesOf(extras: Extras | undefined): readonly Dependency[] {
  const pairs = extras?.d ?? [];
  const dependencies: Dependency[] = [];
  for (let index = 0; index < pairs.length; index += 2) {
    dependencies.push({ job: pairs[index]!, onFailure: policyOf(pairs[index + 1]!) });
  }
  return dependencies;
}

export function policyOf(letter: string): DependencyFailurePolicy {
  return POLICIES[letter]!;
}
