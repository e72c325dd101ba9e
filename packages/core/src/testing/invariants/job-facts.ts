import type { NewJob } from "../../engine/job.ts";
import { isTerminal, type JobState } from "../../engine/state-machine.ts";
import type { Claim, HistoryEntry } from "./history.ts";

/** What a history says about one job so far. */
export interface JobFacts {
  readonly id: string;
  readonly sent: NewJob;
  /** The sender, and the position among its jobs. Comparable only between jobs of one sender. */
  sender: string;
  order: number;
  /** Whether the engine has acknowledged or shown that it stored the job. */
  isAcknowledged: boolean;
  /** The state in the latest event, `null` before the first. */
  state: JobState | null;
  /** The epoch of the latest event, and of the latest change of state: a reserved job may report progress. */
  epoch: number;
  stateEpoch: number;
  readonly claimed: Set<number>;
  /** By epoch: the job that it followed, if it was reserved. */
  readonly reserved: Map<number, Claim>;
  readonly accepted: Map<number, string>;
  /** Epochs with an outcome that the engine has accepted or refused. */
  readonly settledEpochs: Set<number>;
  /** Accepted outcomes that ended the job. */
  endings: number;
  /** Operator's retries that were requested, and that were confirmed. */
  retriesRequested: number;
  retries: number;
  removalRequested: boolean;
  cancelRequested: boolean;
  isRemoved: boolean;
  hasCompleted: boolean;
  /** Whether it was ever in a terminal state. */
  hasEnded: boolean;
}

/** The jobs of a history, and the job that each deduplicated id stands for. */
export class HistoryFacts {
  readonly jobs = new Map<string, JobFacts>();
  /** Jobs by queue and ordering key, in send order. */
  readonly byOrderingKey = new Map<string, JobFacts[]>();
  readonly #aliases = new Map<string, string>();
  #order = 0;

  /** The job that the id of a dependency stands for. */
  resolve(id: string): JobFacts | undefined {
    return this.jobs.get(this.#aliases.get(id) ?? id);
  }

  static orderingKeyOf({ sent }: JobFacts): string | undefined {
    return sent.ordering && `${sent.queue} ${sent.ordering.key}`;
  }

  apply(entry: HistoryEntry): void {
    switch (entry.type) {
      case "sending":
        for (const job of entry.jobs) this.#sending(job, entry.by);
        break;
      case "sent":
        entry.jobs.forEach(({ id, created }, index) => {
          const requested = entry.requested[index]!;
          if (id !== requested) this.#aliases.set(requested, id);
          else this.#aliases.delete(requested);
          if (created) this.#store(this.jobs.get(id));
        });
        break;
      case "claimed":
        entry.jobs.forEach(({ id, epoch, follows }, index) => {
          const job = this.jobs.get(id);
          job?.claimed.add(epoch);
          if (follows !== undefined) job?.reserved.set(epoch, entry.jobs[index - 1]!);
        });
        break;
      case "settled":
        this.jobs.get(entry.id)?.settledEpochs.add(entry.epoch);
        if (entry.verdict === "accepted") this.#accept(entry.id, entry.epoch, entry.outcome);
        break;
      case "operating":
        for (const id of entry.ids) this.#operating(this.jobs.get(id), entry.operation);
        break;
      case "operated":
        this.#operated(this.jobs.get(entry.id), entry.outcome);
        break;
      case "event":
        this.#observed(entry.event.id, entry.event.type, entry.event.epoch);
        break;
      default:
        break;
    }
  }

  #sending(sent: NewJob, sender: string): void {
    const { id } = sent.envelope;
    const known = this.jobs.get(id);
    if (known && (known.isAcknowledged || known.claimed.size > 0)) return;
    this.jobs.set(id, {
      id,
      sent,
      sender,
      order: this.#order++,
      isAcknowledged: false,
      state: null,
      epoch: 0,
      stateEpoch: 0,
      claimed: new Set(),
      reserved: new Map(),
      accepted: new Map(),
      settledEpochs: new Set(),
      endings: 0,
      retriesRequested: 0,
      retries: 0,
      removalRequested: false,
      cancelRequested: false,
      isRemoved: false,
      hasCompleted: false,
      hasEnded: false,
    });
  }

  #store(job: JobFacts | undefined): void {
    if (!job || job.isAcknowledged) return;
    job.isAcknowledged = true;
    const key = HistoryFacts.orderingKeyOf(job);
    if (key === undefined) return;
    const line = this.byOrderingKey.get(key);
    if (line) line.push(job);
    else this.byOrderingKey.set(key, [job]);
  }

  #accept(id: string, epoch: number, outcome: string): void {
    const job = this.jobs.get(id);
    if (!job) return;
    job.accepted.set(epoch, outcome);
    if (outcome === "retry") return;
    job.endings++;
    job.hasEnded = true;
    if (outcome === "complete") job.hasCompleted = true;
  }

  #operating(job: JobFacts | undefined, operation: string): void {
    if (job && operation === "retry") job.retriesRequested++;
    if (job && operation === "remove") job.removalRequested = true;
    if (job && operation === "cancel") job.cancelRequested = true;
  }

  #operated(job: JobFacts | undefined, outcome: string): void {
    if (!job) return;
    if (outcome === "retried") job.retries++;
    if (outcome === "removed") job.isRemoved = true;
    if (outcome === "cancelled" || outcome === "removed") job.hasEnded = true;
    // It wasn't removed, so the request doesn't explain a later ending.
    if (outcome === "active") job.removalRequested = job.isRemoved;
  }

  #observed(id: string, type: JobState | "progress", epoch: number): void {
    const job = this.jobs.get(id);
    if (!job) return;
    job.epoch = epoch;
    if (type === "progress") return;
    this.#store(job);
    job.state = type;
    job.stateEpoch = epoch;
    if (isTerminal(type)) job.hasEnded = true;
    if (type === "completed") job.hasCompleted = true;
  }
}
