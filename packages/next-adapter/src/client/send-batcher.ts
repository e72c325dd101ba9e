import type { PublicJob } from "../protocol/public-job.ts";
import type { SendInput, SentJob } from "../protocol/send-input.ts";
import type { LiveStore } from "./live-store.ts";
import { RequestError, type SendResult, toRequestError } from "./transport.ts";

interface Pending {
  readonly input: SendInput & { readonly id: string };
  readonly resolve: (sent: SentJob) => void;
  readonly reject: (error: RequestError) => void;
}

/** Jobs of one call, as the server bounds them by default. */
const MAX_BATCH = 100;
/** Milliseconds before a repeat of a call whose answer didn't come. */
const PAUSES = [300, 1_000, 3_000];

/** Sends what is asked for in one tick, or while a call is under way, in one call. */
export class SendBatcher {
  readonly #store: LiveStore;
  readonly #call: (jobs: readonly SendInput[]) => Promise<readonly SendResult[]>;
  readonly #waiting: Pending[] = [];
  readonly #listeners = new Set<() => void>();
  #isCalling = false;
  #isScheduled = false;

  constructor(store: LiveStore, call: (jobs: readonly SendInput[]) => Promise<readonly SendResult[]>) {
    this.#store = store;
    this.#call = call;
  }

  /** Shows the job at once; takes it back if it is refused. @throws {RequestError} */
  send(given: SendInput): Promise<SentJob> {
    const id = given.id ?? crypto.randomUUID();
    const input = { ...given, id };
    this.#store.addPending(optimisticJob(input));
    const sent = new Promise<SentJob>((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
    });
    if (!this.#isScheduled && !this.#isCalling) {
      this.#isScheduled = true;
      queueMicrotask(() => {
        this.#isScheduled = false;
        void this.#flush();
      });
    }
    return sent;
  }

  /** Calls `listener` after each call that stored something. Returns the function that ends it. */
  onSent(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #flush(): Promise<void> {
    this.#isCalling = true;
    for (
      let batch = this.#waiting.splice(0, MAX_BATCH);
      batch.length > 0;
      batch = this.#waiting.splice(0, MAX_BATCH)
    ) {
      await this.#sendBatch(batch);
    }
    this.#isCalling = false;
  }

  async #sendBatch(batch: readonly Pending[]): Promise<void> {
    const results = await this.#repeat(batch.map(({ input }) => input)).catch((thrown: unknown) => {
      const { error } = toRequestError(thrown);
      return batch.map((): SendResult => ({ error }));
    });
    for (const [index, { input, resolve, reject }] of batch.entries()) {
      const result = results[index] ?? toRequestError(undefined);
      if ("error" in result) {
        this.#store.removePending(input.id);
        reject(new RequestError(result.error));
      } else {
        this.#store.settlePending(input.id);
        resolve(result);
      }
    }
    if (results.some((result) => "jobId" in result)) for (const listener of this.#listeners) listener();
  }

  /** Jobs have their ids before they are sent, so a repeat stores none twice. */
  async #repeat(jobs: readonly SendInput[]): Promise<readonly SendResult[]> {
    for (const pause of PAUSES) {
      try {
        return await this.#call(jobs);
      } catch (thrown) {
        const { status } = toRequestError(thrown);
        if (status > 0 && status < 500) throw thrown;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return this.#call(jobs);
  }
}

function optimisticJob({ id, messageType, delay }: SendInput & { readonly id: string }): PublicJob {
  return {
    id,
    messageType,
    state: delay ? "scheduled" : "queued",
    attempt: 0,
    maxAttempts: 1,
    sentAt: new Date().toISOString(),
  };
}
