import { Heap } from "./heap.ts";
import type { StoredJob } from "./stored-job.ts";

interface Holder {
  readonly key: string;
  readonly id: string;
  /** When the key stops to stand for the job; infinite while that is unfinished. */
  readonly until: number;
}

/**
 * Which job each dedupe key stands for: a job has its key while it is unfinished, and once it has completed until
 * its window ends. All methods do nothing for jobs without a key.
 */
export class DedupeKeys {
  readonly #holders = new Map<string, Holder>();
  /** Of completed jobs. One stays when its key is freed early, until those are the majority. */
  readonly #byExpiry = new Heap<Holder>((a, b) => a.until < b.until);

  get(key: string, now: number): string | undefined {
    const holder = this.#holders.get(key);
    return holder && holder.until > now ? holder.id : undefined;
  }

  /** A new or reopened job takes its key, unless that stands for another. */
  take({ id, spec: { dedupe } }: StoredJob, now: number): void {
    if (!dedupe || this.get(dedupe.key, now) !== undefined) return;
    this.#holders.set(dedupe.key, { key: dedupe.key, id, until: Number.POSITIVE_INFINITY });
  }

  /** A job has completed: its window begins with its send. */
  complete(job: StoredJob): void {
    const { dedupe } = job.spec;
    if (!dedupe || this.#holders.get(dedupe.key)?.id !== job.id) return;
    const holder = { key: dedupe.key, id: job.id, until: job.createdAt + dedupe.window };
    this.#holders.set(dedupe.key, holder);
    this.#byExpiry.push(holder);
    if (this.#byExpiry.size > 1_024 && this.#byExpiry.size > 2 * this.#holders.size) {
      this.#byExpiry.keepOnly((other) => this.#holders.get(other.key) === other);
    }
  }

  /** A job failed, was cancelled or is removed by hand. */
  free({ id, spec: { dedupe } }: StoredJob): void {
    if (dedupe && this.#holders.get(dedupe.key)?.id === id) this.#holders.delete(dedupe.key);
  }

  /** Forgets up to `limit` whose window is over. Answers how many. */
  trim(now: number, limit: number): number {
    let trimmed = 0;
    while (trimmed < limit && this.#byExpiry.first && this.#byExpiry.first.until <= now) {
      const holder = this.#byExpiry.pop()!;
      if (this.#holders.get(holder.key) === holder) this.#holders.delete(holder.key);
      trimmed++;
    }
    return trimmed;
  }
}
