import type { Message } from "../../contract/message.ts";
import type { EnqueuedJob } from "../../engine/core.ts";
import type { NewJob } from "../../engine/job.ts";
import type { WaitOptions } from "../read/job-waits.ts";
import type { JobEncoder } from "./encode-job.ts";
import type { EnqueueBatcher } from "./enqueue-batcher.ts";
import { type JobHandle, StoredJobHandle } from "./job-handle.ts";
import { type Naming, refusal } from "./refusal.ts";
import type { SendRequest } from "./send-request.ts";
import type { TransactionalSender } from "./transactional-sender.ts";

/** The last step of a send: encode, store with this turn's other sends, answer a handle. */
export class Sender {
  readonly #encoder: JobEncoder;
  readonly #batcher: EnqueueBatcher;
  readonly #transactional: TransactionalSender;
  readonly #wait: (id: string, options?: WaitOptions) => Promise<unknown>;

  constructor(
    encoder: JobEncoder,
    batcher: EnqueueBatcher,
    transactional: TransactionalSender,
    wait: (id: string, options?: WaitOptions) => Promise<unknown>,
  ) {
    this.#encoder = encoder;
    this.#batcher = batcher;
    this.#transactional = transactional;
    this.#wait = wait;
  }

  /** The hot path: one promise, and no other wait than the engine's when the schema is synchronous. */
  send(request: SendRequest): Promise<JobHandle> {
    if (request.tx !== undefined) return this.#sendInTransaction(request);
    return new Promise((resolve, reject) => {
      const store = (job: NewJob) =>
        this.#batcher.add(
          { jobs: [job] },
          (outcome) => {
            if (outcome.ok) resolve(this.#handle(request.message, outcome.jobs[0]!));
            else reject(refusal(outcome, (id) => id));
          },
          reject,
        );
      const encoded = this.#encoder.encode(request);
      if (encoded instanceof Promise) encoded.then(store, reject);
      else store(encoded);
    });
  }

  /** All or nothing. The jobs are encoded already, in the order of their requests. */
  store(
    requests: readonly SendRequest[],
    jobs: readonly NewJob[],
    naming: Naming,
  ): Promise<readonly JobHandle[]> {
    if (requests.some(({ tx }) => tx !== undefined)) return this.#transactional.store(requests, jobs, naming);
    return new Promise((resolve, reject) => {
      this.#batcher.add(
        { jobs },
        (outcome) => {
          if (!outcome.ok) reject(refusal(outcome, naming));
          else resolve(requests.map(({ message }, index) => this.#handle(message, outcome.jobs[index]!)));
        },
        reject,
      );
    });
  }

  async #sendInTransaction(request: SendRequest): Promise<JobHandle> {
    const job = await this.#encoder.encode(request);
    const [handle] = await this.#transactional.store([request], [job], (id) => id);
    return handle!;
  }

  #handle(message: Message, { id, created }: EnqueuedJob): JobHandle {
    return new StoredJobHandle(id, message, created, this.#wait);
  }
}
