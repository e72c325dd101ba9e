import type { Message } from "../../contract/message.ts";
import { decodeData, encodePayload } from "../../contract/payload.ts";
import type { MaybePromise, Parsed } from "../../contract/schema.ts";
import type { JobRecord } from "../../engine/job.ts";
import type { JobState } from "../../engine/state-machine.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { discardPromise } from "../../logging/callback-guard.ts";
import type { HandlerContext } from "../../middleware/handler-context.ts";
import type { RunNext, SendNext, SettledAttempt } from "../../middleware/middleware.ts";
import { readJobError } from "../../queue/read/job-error.ts";
import type { JobHandle } from "../../queue/send/job-handle.ts";
import type { SendRequest } from "../../queue/send/send-request.ts";
import { type Database, withTypedErrors } from "../database.ts";
import { MAX_ROWS, writeSubjects } from "./fence.ts";
import { type AnyStatusTable, readKey, type Status, subjectOf } from "./table.ts";
import type { TrackStatusOptions } from "./track.ts";
import { compareAges, type JobWrite, type SubjectWrite, type Transition } from "./transition.ts";

/** Maximum time that a send waits for its row, in milliseconds. The job is stored already. */
const SEND_TIMEOUT = 2_000;

const OUTCOMES: Readonly<Record<SettledAttempt["outcome"], Status>> = {
  completed: "SUCCEEDED",
  failed: "FAILED",
  cancelled: "CANCELLED",
  retrying: "PENDING",
  released: "PENDING",
};

const STATES: Readonly<Record<JobState, Status>> = {
  blocked: "PENDING",
  scheduled: "PENDING",
  queued: "PENDING",
  active: "RUNNING",
  completed: "SUCCEEDED",
  failed: "FAILED",
  cancelled: "CANCELLED",
};

type Fields = Readonly<Record<string, unknown>>;

/** Turns transitions of the jobs of one message into writes of their subjects' rows. */
export class Tracker {
  readonly message: Message;
  readonly #options: TrackStatusOptions<Message, AnyStatusTable>;
  readonly #onError: (error: unknown) => void;

  constructor(
    message: Message,
    options: TrackStatusOptions<Message, AnyStatusTable>,
    onError: (error: unknown) => void,
  ) {
    this.message = message;
    this.#options = options;
    this.#onError = onError;
  }

  async send(requests: readonly SendRequest[], next: SendNext): Promise<readonly JobHandle[]> {
    const handles = await next(requests);
    const later: SubjectWrite[] = [];
    const within = new Map<unknown, SubjectWrite[]>();
    for (const [index, request] of requests.entries()) {
      const handle = handles[index];
      // A job that was sent before has its row already, or another job has taken it.
      if (request.message.name !== this.message.name || !handle?.created || handle.id !== request.id)
        continue;
      const write = await this.#toPending(request);
      if (!write) continue;
      if (request.tx === undefined) later.push(write);
      else within.set(request.tx, [...(within.get(request.tx) ?? []), write]);
    }
    for (const [tx, writes] of within) await this.#writeInTransaction(tx as Database, writes);
    if (later.length > 0) await this.#options.store.writer.putAndWait(later, SEND_TIMEOUT);
    return handles;
  }

  run(context: HandlerContext, next: RunNext): Promise<unknown> {
    this.#writeAttempt(context, (key) => {
      const fields = this.#fields((given) => given.start?.(context.data));
      return { ...runningWrite(context, key, fields), startedAt: new Date() };
    });
    return next();
  }

  progress(context: HandlerContext, value: unknown): void {
    if (!this.#options.fields?.progress) return;
    const toFields = (key: Fields) =>
      runningWrite(
        context,
        key,
        this.#fields((given) => given.progress?.(value as never, context.data)),
      );
    this.#writeAttempt(context, toFields, false);
  }

  settled(attempt: SettledAttempt): void {
    const { job, epoch, outcome, error, data } = attempt;
    if (job.messageType !== this.message.name) return;
    const step: JobWrite = { jobId: job.id, epoch, ...toStep(OUTCOMES[outcome], error?.message, new Date()) };
    const { writer } = this.#options.store;
    if (data === undefined) {
      writer.putJob(step);
      return;
    }
    const key = this.#key(data);
    if (!key) return;
    const put = (fields: Fields) => writer.put({ ...step, key, sentAt: job.sentAt, fields }, true);
    const fields = outcome === "completed" ? this.#resultFields(attempt.result, data) : {};
    if (fields instanceof Promise) void fields.then(put);
    else put(fields);
  }

  /** The write that brings a row up to date with its job, including fields from its progress and result. */
  async toWrite(record: JobRecord): Promise<SubjectWrite | JobWrite> {
    const { id, epoch, state, envelope } = record;
    const status = STATES[state];
    const finishedAt = new Date(record.finishedAt ?? record.createdAt);
    const step: JobWrite = {
      jobId: id,
      epoch,
      ...toStep(status, errorMessageOf(record.error), finishedAt),
      ...(record.startedAt !== undefined && { startedAt: new Date(record.startedAt) }),
    };
    if (envelope.messageType !== this.message.name) return step;
    const data = await this.#decode(() => decodeData(this.message, envelope.version, envelope.data));
    const key = data === undefined ? undefined : this.#key(data);
    if (!key) return step;
    const { progress, result } = record;
    const fields = {
      ...(status !== "PENDING" && progress !== undefined && (await this.#progressFields(progress, data))),
      ...(state === "completed" &&
        result !== undefined &&
        (await this.#decode(() => this.#resultFields(JSON.parse(result), data)))),
    };
    return { ...step, key, sentAt: new Date(envelope.timestamp), fields };
  }

  async #toPending(request: SendRequest): Promise<SubjectWrite | undefined> {
    // `key` gets the data as handlers do: encoded and decoded.
    const data = await this.#decode(async () => {
      const { codecs, limits, version } = this.message;
      const json = await encodePayload("data", codecs.data, request.data, limits.data, "INVALID_DATA");
      return decodeData(this.message, version, json);
    });
    const key = data === undefined ? undefined : this.#key(data);
    if (!key) return undefined;
    const { id, sentAt } = request;
    return { key, jobId: id, sentAt: new Date(sentAt), epoch: 0, status: "PENDING", fields: {} };
  }

  /** Writes in the caller's transaction, so errors are thrown to the caller. */
  async #writeInTransaction(tx: Database, writes: readonly SubjectWrite[]): Promise<void> {
    const { store } = this.#options;
    const newest = new Map<string, SubjectWrite>();
    for (const write of writes) {
      const subject = subjectOf(store.parts, write.key);
      const known = newest.get(subject);
      if (!known || compareAges(known, write) < 0) newest.set(subject, write);
    }
    // Sorted like the statements of the writer, so that two never deadlock.
    const sorted = [...newest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, write]) => write);
    await withTypedErrors(`The status table ${store.parts.name}`, async () => {
      // A statement that writes a row twice would fail and abort the caller's transaction.
      const size = store.parts.hasExactKeys ? MAX_ROWS : 1;
      for (let from = 0; from < sorted.length; from += size) {
        await writeSubjects(tx, store.table, store.parts, sorted.slice(from, from + size));
      }
    });
  }

  #writeAttempt(context: HandlerContext, toWrite: (key: Fields) => SubjectWrite, isUrgent = true): void {
    if (context.job.messageType !== this.message.name) return;
    const key = this.#key(context.data);
    if (key) this.#options.store.writer.put(toWrite(key), isUrgent);
  }

  /** `undefined` for a job that isn't tracked, or whose `key` threw. */
  #key(data: unknown): Fields | undefined {
    try {
      const key = this.#options.key(data);
      if (key === undefined) return undefined;
      if (discardPromise(key)) throw asyncCallbackError(this.#label("key"));
      const { parts } = this.#options.store;
      const read = readKey(parts, this.#label("key"), key);
      // Throws if a column can't take the value.
      subjectOf(parts, read);
      return read;
    } catch (error) {
      this.#onError(error);
      return undefined;
    }
  }

  #fields(
    choose: (given: NonNullable<TrackStatusOptions<Message, AnyStatusTable>["fields"]>) => unknown,
  ): Fields {
    try {
      const chosen = choose(this.#options.fields ?? {}) ?? {};
      if (discardPromise(chosen)) throw asyncCallbackError(this.#label("fields"));
      const { fieldNames } = this.#options.store.parts;
      const fields = Object.entries(chosen).filter(([, value]) => value !== undefined);
      const unknown = fields.find(([name]) => !fieldNames.includes(name));
      if (!unknown) return Object.fromEntries(fields);
      const known = fieldNames.join(", ");
      throw new QueueError(
        "INVALID_OPTIONS",
        `${this.#label("fields")}: unknown field ${unknown[0]}. Known: ${known}.`,
      );
    } catch (error) {
      this.#onError(error);
      return {};
    }
  }

  async #progressFields(json: string, data: unknown): Promise<Fields> {
    const parsed = await this.#decode(() => this.message.codecs.progress?.decode(JSON.parse(json)));
    return parsed?.ok ? this.#fields((given) => given.progress?.(parsed.value as never, data)) : {};
  }

  /** Synchronous if the schema is, so that a stopping worker still writes the fields. */
  #resultFields(result: unknown, data: unknown): MaybePromise<Fields> {
    const { codecs } = this.message;
    const toFields = (parsed: Parsed | undefined): Fields =>
      parsed?.ok === false
        ? {}
        : this.#fields((given) => given.result?.((parsed?.ok ? parsed.value : undefined) as never, data));
    if (!this.#options.fields?.result) return {};
    const parsed = codecs.result?.decode(result);
    return parsed instanceof Promise ? parsed.then(toFields, () => ({})) : toFields(parsed);
  }

  /** `undefined` if the data doesn't match the contract. The worker that runs the job reports why. */
  async #decode<T>(work: () => MaybePromise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch {
      return undefined;
    }
  }

  #label(option: string): string {
    return `trackStatus ${this.message.name}, ${option}`;
  }
}

function asyncCallbackError(what: string): QueueError {
  return new QueueError("INVALID_OPTIONS", `${what}: returned a promise. Make it synchronous.`);
}

function runningWrite({ job, fence }: HandlerContext, key: Fields, fields: Fields): SubjectWrite {
  return { key, jobId: job.id, sentAt: job.sentAt, epoch: fence, status: "RUNNING", fields };
}

/** A status with its end time, and its error if it failed or waits for a retry. */
export function toStep(
  status: Status,
  errorMessage: string | undefined,
  at: Date,
): Omit<Transition, "epoch"> {
  if (status === "RUNNING") return { status };
  const isOver = status !== "PENDING";
  return {
    status,
    ...(status !== "SUCCEEDED" && errorMessage !== undefined && { errorMessage }),
    ...(isOver && { finishedAt: at }),
  };
}

export function errorMessageOf(error: string | undefined): string | undefined {
  return error === undefined ? undefined : readJobError(error).message;
}
