import type { Message, MessagePart } from "../../contract/message.ts";
import { redact } from "../../contract/redaction.ts";
import type { Registry } from "../../contract/registry.ts";
import { describeValue } from "../../errors/describe-value.ts";
import { QueueError } from "../../errors/queue-error.ts";
import type { JobEvent } from "../events/job-events.ts";
import type { QueueHealth } from "../report/health.ts";
import type { QueueMetrics } from "../report/metrics.ts";
import type { Stats } from "../report/stats.ts";
import type { WorkerSnapshot } from "../report/workers.ts";
import type { JobExplanation } from "./explain.ts";
import type { FailureGroup, FailureGroupList } from "./failure-groups.ts";
import type { JobGraph } from "./job-graph.ts";
import {
  type JobSnapshot,
  type MessageSnapshot,
  originOf,
  parseOrText,
  readPayloads,
} from "./job-snapshot.ts";
import type { JobSummarySnapshot } from "./job-summary.ts";

/** A value as JSON gives it back: dates are text. */
export type WireForm<T> = T extends Date
  ? string
  : T extends object
    ? { readonly [Key in keyof T]: WireForm<T[Key]> }
    : T;

type Payloads = { readonly [Part in MessagePart]?: unknown };
type Frame<Name> = Omit<MessageSnapshot<Message>, MessagePart | "messageType"> & {
  readonly messageType: Name;
};

/** A snapshot that survives JSON. Data, result and progress are as they travel: the contract reads them. */
export type WireSnapshot<Name extends string = string> = WireForm<Frame<Name>> & Payloads;

type AnyEvent = Omit<JobEvent, "result" | "progress"> & Pick<Payloads, "result" | "progress">;

/** What is read of a queue beside snapshots. It holds dates and JSON. */
export type Report =
  | JobExplanation
  | Stats
  | QueueHealth
  | AnyEvent
  | JobSummarySnapshot
  | WorkerSnapshot
  | FailureGroup
  | FailureGroupList
  | JobGraph
  | readonly QueueMetrics[];

export interface ToWireOptions {
  /** Whether the message's `sensitive` paths are masked. @default "mask" */
  readonly sensitive?: "mask" | "show" | undefined;
}

/**
 * The form of a snapshot that survives `JSON.stringify`, also with dates and bigints in data and result. Takes
 * snapshots as the queue returned them: copies are refused.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 *
 * @example
 * const job = await queue.get(id);
 * return Response.json(job && toWire(job));
 */
export function toWire<Name extends string>(
  snapshot: Frame<Name> & Payloads,
  options?: ToWireOptions,
): WireSnapshot<Name>;
/** The form of a report that survives `JSON.stringify`. What handlers reported to an event is as it travels. */
export function toWire<R extends Report>(report: R, options?: ToWireOptions): WireForm<R>;
export function toWire(
  value: (Frame<string> & Payloads) | Report,
  { sensitive = "mask" }: ToWireOptions = {},
): unknown {
  if (typeof value !== "object" || value === null) {
    throw new QueueError(
      "INVALID_OPTIONS",
      `toWire: expected a snapshot or a report, got ${describeValue(value)}.`,
    );
  }
  const parts = value as Payloads & { readonly raw?: boolean; readonly version?: number };
  const { data, result, progress, ...rest } = parts;
  const isSnapshot = "dependsOn" in value;
  if (!isSnapshot && result === undefined && progress === undefined) {
    assertNoSnapshots(value);
    return plainJson(value);
  }
  const origin = originOf(value);
  if (!origin) {
    throw new QueueError(
      "INVALID_OPTIONS",
      "toWire: expected a snapshot or an event as the queue returned it, not a copy.",
    );
  }
  const { message, texts } = origin;
  const part = (name: MessagePart) => {
    const json = parseOrText(texts[name]);
    // Paths are those of the current version.
    const raw = parts.raw === true || (name === "data" && parts.version !== message?.version);
    return sensitive === "show" ? json : redact(message, name, json, { raw });
  };
  return plainJson({
    ...rest,
    ...(isSnapshot && { data: part("data") }),
    result: part("result"),
    progress: part("progress"),
  });
}

/** Snapshots inside of other values would keep what is sensitive. */
function assertNoSnapshots(value: object): void {
  for (const member of Object.values(value)) {
    if (typeof member !== "object" || member === null) continue;
    if (originOf(member) || ("dependsOn" in member && "messageType" in member)) {
      throw new QueueError(
        "INVALID_OPTIONS",
        "toWire: expected one snapshot, got a value that contains some. Convert each: `jobs.map((job) => toWire(job))`.",
      );
    }
    assertNoSnapshots(member);
  }
}

/**
 * Reads a snapshot's wire form by the contracts of a registry. Values that were masked, or that the contract can't
 * read, are JSON as they came; then `raw` is true.
 *
 * @example
 * const job = await fromWire(await response.json(), registry);
 */
export async function fromWire<M extends Message, Name extends string>(
  wire: WireSnapshot<Name>,
  registry: Registry<M>,
): Promise<JobSnapshot<Extract<M, { readonly name: Name }>>> {
  const { data, result, progress, ...json } = wire as WireSnapshot;
  const { sentAt, createdAt, runAt, startedAt, finishedAt, failures, logs, ...rest } = json;
  const toText = (value: unknown) => (value === undefined ? undefined : JSON.stringify(value));
  const texts = { data: toText(data), result: toText(result), progress: toText(progress) };
  const read = await readPayloads(texts, registry.get(wire.messageType), wire.version);
  const snapshot: JobSnapshot = {
    ...rest,
    data: read.data,
    ...(read.result !== undefined && { result: read.result as never }),
    ...(read.progress !== undefined && { progress: read.progress as never }),
    raw: rest.raw || read.raw,
    sentAt: new Date(sentAt),
    createdAt: new Date(createdAt),
    ...(runAt !== undefined && { runAt: new Date(runAt) }),
    ...(startedAt !== undefined && { startedAt: new Date(startedAt) }),
    ...(finishedAt !== undefined && { finishedAt: new Date(finishedAt) }),
    failures: failures.map((failure) => ({
      ...failure,
      startedAt: new Date(failure.startedAt),
      at: new Date(failure.at),
    })),
    logs: logs.map(({ at, message }) => ({ at: new Date(at), message })),
  };
  return snapshot as JobSnapshot<Extract<M, { readonly name: Name }>>;
}

/** Members of reports that are dates. No other members have these names. */
const DATES: ReadonlySet<string> = new Set([
  "at",
  "minute",
  "since",
  "until",
  "sentAt",
  "createdAt",
  "runAt",
  "startedAt",
  "finishedAt",
  "seenAt",
  "firstAt",
  "lastAt",
]);

/**
 * Reads a report's wire form.
 *
 * @example
 * const stats = reportFromWire<Stats>(await response.json());
 */
export function reportFromWire<R extends Report>(wire: WireForm<R>): R {
  const revive = (value: unknown, key?: string): unknown => {
    // What handlers reported may have members of any name.
    if (key === "result" || key === "progress") return value;
    if (key !== undefined && DATES.has(key) && typeof value === "string") return new Date(value);
    if (Array.isArray(value)) return value.map((item) => revive(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, revive(member, name)]));
  };
  return revive(wire) as R;
}

function plainJson(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}
