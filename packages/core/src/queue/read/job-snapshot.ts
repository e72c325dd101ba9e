import { parseJson } from "../../contract/limits.ts";
import type { HandlerData, JobProgress, JobResult, Message, MessagePart } from "../../contract/message.ts";
import { decodeData, decodePayload } from "../../contract/payload.ts";
import type { Registry } from "../../contract/registry.ts";
import type { Codec, MaybePromise } from "../../contract/schema.ts";
import type { Dependency, JobRecord } from "../../engine/job.ts";
import type { JobState } from "../../engine/state-machine.ts";
import { type JobError, readJobError } from "./job-error.ts";

/** A job as it was when it was read. Narrow it by `messageType` to know the type of its data. */
export type JobSnapshot<M extends Message = Message> = M extends Message ? MessageSnapshot<M> : never;

/** A snapshot of one message's job. */
export interface MessageSnapshot<M extends Message> {
  readonly id: string;
  readonly messageType: M["name"];
  /** The contract's version that the data was sent with. */
  readonly version: number;
  readonly queue: string;
  readonly state: JobState;
  /** Parsed by the message's contract. See `raw`. */
  readonly data: HandlerData<M>;
  /** Once completed. */
  readonly result?: JobResult<M>;
  /** What the handler reported last. */
  readonly progress?: JobProgress<M>;
  /** What ended the job, or its latest failed attempt. */
  readonly error?: JobError;
  /**
   * True when the contract couldn't read `data`, `result` or `progress` (the registry doesn't know the
   * message, or the value no longer matches): those that it couldn't are then plain JSON values.
   */
  readonly raw: boolean;
  readonly userId?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly traceparent?: string;
  readonly priority: number;
  /** Attempts begun, the running one included. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Times a worker died or froze over it. */
  readonly stalls: number;
  /** Times a worker that didn't know the message gave it back. */
  readonly bounces: number;
  /** The fence of the latest claim. */
  readonly epoch: number;
  readonly orderingKey?: string;
  readonly dependsOn: readonly Dependency[];
  /** Active, and told to stop. */
  readonly cancelRequested: boolean;
  /** When the producer sent it, by the producer's clock. */
  readonly sentAt: Date;
  /** When the engine stored it. */
  readonly createdAt: Date;
  /** When it becomes due, while scheduled. */
  readonly runAt?: Date;
  /** When its latest attempt began. Absent again once a worker has given it back, or the job is retried. */
  readonly startedAt?: Date;
  readonly finishedAt?: Date;
  /** Earlier attempts that failed or stalled, oldest first, the newest ten. */
  readonly failures: readonly FailedAttempt[];
  /** What the handler logged, oldest first, the newest hundred. */
  readonly logs: readonly JobLog[];
}

export interface FailedAttempt {
  readonly epoch: number;
  readonly startedAt: Date;
  readonly at: Date;
  readonly error: JobError;
}

export interface JobLog {
  readonly at: Date;
  readonly message: string;
}

/** Reads a record for people. Never throws: what the contract refuses is shown as it is. */
export async function toSnapshot(record: JobRecord, registry: Registry): Promise<JobSnapshot> {
  const { envelope } = record;
  const message = registry.get(envelope.messageType);
  const texts = { data: envelope.data, result: record.result, progress: record.progress };
  const { data, result, progress, raw } = await readPayloads(texts, message, envelope.version);
  const metadata = parseOrText(envelope.metadata) as Readonly<Record<string, unknown>> | undefined;

  const snapshot: JobSnapshot = {
    id: record.id,
    messageType: envelope.messageType,
    version: envelope.version,
    queue: record.queue,
    state: record.state,
    data,
    ...(result !== undefined && { result: result as never }),
    ...(progress !== undefined && { progress: progress as never }),
    ...(record.error !== undefined && { error: readJobError(record.error) }),
    raw,
    ...(envelope.userId !== undefined && { userId: envelope.userId }),
    ...(metadata !== undefined && { metadata }),
    ...(envelope.traceparent !== undefined && { traceparent: envelope.traceparent }),
    priority: record.priority,
    attempt: record.attempt,
    maxAttempts: record.maxAttempts,
    stalls: record.stalls,
    bounces: record.bounces,
    epoch: record.epoch,
    ...(record.orderingKey !== undefined && { orderingKey: record.orderingKey }),
    dependsOn: record.dependsOn,
    cancelRequested: record.cancelRequested,
    sentAt: new Date(envelope.timestamp),
    createdAt: new Date(record.createdAt),
    ...(record.runAt !== undefined && { runAt: new Date(record.runAt) }),
    ...(record.startedAt !== undefined && { startedAt: new Date(record.startedAt) }),
    ...(record.finishedAt !== undefined && { finishedAt: new Date(record.finishedAt) }),
    failures: record.failures.map(({ epoch, startedAt, at, error }) => ({
      epoch,
      startedAt: new Date(startedAt),
      at: new Date(at),
      error: readJobError(error),
    })),
    logs: record.logs.map(({ at, message }) => ({ at: new Date(at), message })),
  };
  noteOrigin(snapshot, { message, texts });
  return snapshot;
}

/** What a snapshot or an event was read from, for its wire form. */
export interface SnapshotOrigin {
  readonly message: Message | undefined;
  readonly texts: PayloadTexts;
}

/** JSON texts as engines store them. */
export type PayloadTexts = { readonly [Part in MessagePart]: string | undefined };

const origins = new WeakMap<object, SnapshotOrigin>();

export function noteOrigin(value: object, origin: SnapshotOrigin): void {
  origins.set(value, origin);
}

/** `undefined` of what the queue didn't make, such as a copy. */
export function originOf(snapshot: object): SnapshotOrigin | undefined {
  return origins.get(snapshot);
}

interface Payloads {
  readonly data: unknown;
  readonly result: unknown;
  readonly progress: unknown;
  /** Whether the contract couldn't read one of them. */
  readonly raw: boolean;
}

export async function readPayloads(
  { data = "", result, progress }: PayloadTexts,
  message: Message | undefined,
  version: number,
): Promise<Payloads> {
  const reader = new TolerantReader(message !== undefined);
  return {
    data: await reader.read(data, message && ((json) => decodeData(message, version, json))),
    result: await reader.readOptional(result, message?.codecs.result),
    progress: await reader.readOptional(progress, message?.codecs.progress),
    raw: reader.isRaw,
  };
}

/** What a handler reported, in an event: members that are there, and `raw` if there are any. */
export async function readReports(
  { result, progress }: Pick<PayloadTexts, "result" | "progress">,
  message: Message | undefined,
): Promise<{ readonly result?: unknown; readonly progress?: unknown; readonly raw?: boolean }> {
  if (result === undefined && progress === undefined) return {};
  const reader = new TolerantReader(message !== undefined);
  const read = {
    ...(result !== undefined && { result: await reader.readOptional(result, message?.codecs.result) }),
    ...(progress !== undefined && {
      progress: await reader.readOptional(progress, message?.codecs.progress),
    }),
  };
  return { ...read, raw: reader.isRaw };
}

class TolerantReader {
  isRaw: boolean;

  constructor(isKnown: boolean) {
    this.isRaw = !isKnown;
  }

  async read(json: string, decode: ((json: string) => MaybePromise<unknown>) | undefined): Promise<unknown> {
    if (!decode) return parseOrText(json);
    try {
      return await decode(json);
    } catch {
      this.isRaw = true;
      return parseOrText(json);
    }
  }

  async readOptional(json: string | undefined, codec: Codec | undefined): Promise<unknown> {
    if (json === undefined) return undefined;
    const decode = (text: string) =>
      decodePayload("value", codec!, text, Number.POSITIVE_INFINITY, "INVALID_DATA");
    return this.read(json, codec && decode);
  }
}

/** Text that isn't JSON, or holds a key that must not get further, is shown as text. */
export function parseOrText(json: string | undefined): unknown {
  if (json === undefined || json === "") return undefined;
  try {
    return parseJson("value", json, Number.POSITIVE_INFINITY);
  } catch {
    return json;
  }
}
