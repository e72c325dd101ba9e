import type { z } from "zod/mini";
import type { JobProgress, JobResult, Message } from "../../contract/message.ts";
import type { Registry } from "../../contract/registry.ts";
import type { EngineEvent, EventFilter, EventType } from "../../engine/events.ts";
import { keyOf } from "../job-reference.ts";
import type { subscribeSchema } from "../queue-options.ts";
import { type JobError, readJobError } from "../read/job-error.ts";
import { noteOrigin, readReports } from "../read/job-snapshot.ts";

/** Something that happened to a job. Narrow it by `messageType` to know the types of its details. */
export type JobEvent<M extends Message = Message> = M extends Message ? MessageEvent<M> : never;

/** Something that happened to a job of one message. */
export interface MessageEvent<M extends Message> {
  /** The job's new state, or `"progress"`. */
  readonly type: EventType;
  readonly id: string;
  readonly queue: string;
  readonly messageType: M["name"];
  /** The fence of the claim that it happened under. */
  readonly epoch: number;
  readonly at: Date;
  /** With `detail`, once completed. */
  readonly result?: JobResult<M>;
  /** With `detail`, what ended the job, if it failed or was cancelled. */
  readonly error?: JobError;
  /** With `detail`, what the handler reported. */
  readonly progress?: JobProgress<M>;
  /** With `detail`, true when the contract couldn't read `result` or `progress`: it is then a plain JSON value. */
  readonly raw?: boolean;
}

export type ParsedSubscribeOptions = Omit<z.output<typeof subscribeSchema>, "onGap">;

export function toEventFilter({
  types,
  queues,
  messages,
  jobs,
  detail,
}: ParsedSubscribeOptions): EventFilter {
  return {
    ...(types && { types }),
    ...(queues && { queues }),
    ...(messages && {
      messages: messages.map((message) => (typeof message === "string" ? message : message.name)),
    }),
    ...(jobs && { jobs: jobs.map(keyOf) }),
    detail,
  };
}

/** Never rejects: what the contract refuses is shown as it is. */
async function toJobEvent(event: EngineEvent, registry: Registry): Promise<JobEvent> {
  const { progress, ending } = event;
  const message = registry.get(event.messageType);
  const texts = { data: undefined, result: ending?.result, progress };
  const reports = await readReports(texts, message);
  const error = ending?.error === undefined ? undefined : readJobError(ending.error);
  const read = { ...toPlainEvent(event), ...(reports as object), ...(error && { error }) };
  noteOrigin(read, { message, texts });
  return read;
}

function toPlainEvent({ type, id, queue, messageType, epoch, at }: EngineEvent): JobEvent {
  return { type, id, queue, messageType, epoch, at: new Date(at) };
}

/** Passes engine events to a listener, in their order. */
export class EventReader {
  readonly #registry: Registry;
  readonly #listener: (event: JobEvent) => unknown;
  /** Schemas may be asynchronous, and no event may overtake one that is being read. */
  #last: Promise<unknown> | undefined;

  constructor(registry: Registry, listener: (event: JobEvent) => unknown) {
    this.#registry = registry;
    this.#listener = listener;
  }

  /** Answers what the listener returns, so that its rejection can be logged. */
  onEvent(event: EngineEvent): unknown {
    const hasDetail = event.progress !== undefined || event.ending !== undefined;
    if (!hasDetail && !this.#last) return this.#listener(toPlainEvent(event));
    const ready = hasDetail ? toJobEvent(event, this.#registry) : toPlainEvent(event);
    // In an array, so that the next event doesn't wait for an asynchronous listener.
    const called = Promise.all([ready, this.#last]).then(([read]) => [this.#listener(read)] as const);
    const settled = called.then(
      () => {},
      () => {},
    );
    this.#last = settled;
    void settled.then(() => {
      if (this.#last === settled) this.#last = undefined;
    });
    return called.then(([returned]) => returned);
  }

  /** Resolves once the listener was called for all events until now. */
  async settled(): Promise<void> {
    await this.#last;
  }
}
