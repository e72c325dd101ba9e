import type { JobResult, Message } from "../../contract/message.ts";
import type { WaitOptions } from "../read/job-waits.ts";

/** What a send answers: the stored job, usable wherever a job or a dependency is expected. */
export interface JobHandle<M extends Message = Message> {
  /** With `dedupe`, this may be the id of an earlier job. */
  readonly id: string;
  readonly messageType: M["name"];
  readonly queue: string;
  /** False when the id or the dedupe key was known already and nothing new was stored. */
  readonly created: boolean;
  /**
   * Resolves with the job's result.
   *
   * @throws {QueueError} `JOB_FAILED`, `JOB_CANCELLED`, `RESULT_NOT_KEPT`, `WAIT_TIMEOUT`, `JOB_NOT_FOUND` or
   * `CLOSED`.
   */
  wait(options?: WaitOptions): Promise<JobResult<M>>;
}

type Wait = (id: string, options?: WaitOptions) => Promise<unknown>;

export class StoredJobHandle implements JobHandle {
  readonly id: string;
  readonly messageType: string;
  readonly queue: string;
  readonly created: boolean;
  readonly #wait: Wait;

  constructor(id: string, message: Message, created: boolean, wait: Wait) {
    this.id = id;
    this.messageType = message.name;
    this.queue = message.queue;
    this.created = created;
    this.#wait = wait;
  }

  // biome-ignore lint/suspicious/noExplicitAny: typed by the interface, per message
  wait(options?: WaitOptions): Promise<any> {
    return this.#wait(this.id, options);
  }
}
