import type { Message } from "../contract/message.ts";
import type { EnqueuedJob, EnqueueOutcome, NewJob } from "../engine/port.ts";
import { DependencyNotFoundError, QueueError } from "../errors/queue-error.ts";
import type { JobEncoder } from "./encode-job.ts";
import type { EnqueueBatcher } from "./enqueue-batcher.ts";
import { type JobHandle, StoredJobHandle } from "./job-handle.ts";
import type { WaitOptions } from "./job-waits.ts";
import type { SendRequest } from "./send-request.ts";

/** How a batch's jobs are called in errors, by their id. */
export type Naming = (id: string) => string;

/** The last step of a send: encode, store with this turn's other sends, answer a handle. */
export class Sender {
  readonly #encoder: JobEncoder;
  readonly #batcher: EnqueueBatcher;
  readonly #wait: (id: string, options?: WaitOptions) => Promise<unknown>;

  constructor(
    encoder: JobEncoder,
    batcher: EnqueueBatcher,
    wait: (id: string, options?: WaitOptions) => Promise<unknown>,
  ) {
    this.#encoder = encoder;
    this.#batcher = batcher;
    this.#wait = wait;
  }

  /** The hot path: one promise, and no other wait than the engine's when the schema is synchronous. */
  send(request: SendRequest): Promise<JobHandle> {
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

  #handle(message: Message, { id, created }: EnqueuedJob): JobHandle {
    return new StoredJobHandle(id, message, created, this.#wait);
  }
}

function refusal(outcome: EnqueueOutcome & { readonly ok: false }, naming: Naming): QueueError {
  if (outcome.reason === "dependency-not-found") return new DependencyNotFoundError(outcome.missing);
  const { cycle } = outcome;
  const closed = cycle.length > 1 && cycle[0] === cycle.at(-1) ? cycle : [...cycle, ...cycle.slice(0, 1)];
  return new QueueError(
    "DEPENDENCY_CYCLE",
    `These jobs would wait for each other: ${closed.map(naming).join(" → ")}. Nothing was stored. ` +
      "An arrow is a dependency, or an earlier job of the same ordering key.",
  );
}
