import type { JobEvent, JobSnapshot, Queue } from "@org/queue";
import type { JobSubject } from "../access/authorize.ts";
import { type ShownPart, toPublicJob, toSubject } from "../jobs/public-job.ts";
import type { PublicJob } from "../protocol/public-job.ts";
import type { ErrorReporter } from "./error-reporter.ts";
import { Pacer } from "./pacer.ts";
import { Topic } from "./topic.ts";

/** Milliseconds in which changes are gathered. */
const GATHER = 50;
/** Jobs that one call reads. */
const MAX_READ = 1_000;

/** A job that is followed. Its value is `null` while none is stored. */
export class JobTopic extends Topic<PublicJob | null> {
  readonly id: string;
  /** What rights depend on; `undefined` while no job is stored. */
  subject: JobSubject | undefined;

  constructor(id: string) {
    super(`job:${id}`);
    this.id = id;
  }
}

export function isJob(topic: Topic): topic is JobTopic {
  return topic instanceof JobTopic;
}

interface Parts {
  readonly queue: Queue;
  readonly show: ReadonlySet<ShownPart>;
  /** Called with each job that was read after an event, for the lists that it may belong to. */
  readonly onJob: (job: JobSnapshot) => void;
  /** Whether every job that changes is read, for lists, or only those that are followed. */
  readonly readsAll: () => boolean;
  /** Resolves once changes are heard of, or polled for. */
  readonly listening: () => Promise<void>;
  readonly onError: ErrorReporter;
}

/** The jobs that clients follow, kept up to date by the engine's events. */
export class JobTopics {
  readonly #parts: Parts;
  readonly #topics = new Map<string, JobTopic>();
  readonly #dirty = new Set<string>();
  readonly #pacer: Pacer;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#pacer = new Pacer(() => this.#refresh(), GATHER);
  }

  get size(): number {
    return this.#topics.size;
  }

  /** The topic of a job, which is read soon if nobody has followed it yet. */
  open(id: string): JobTopic {
    const known = this.#topics.get(id);
    if (known) return known;
    const topic = new JobTopic(id);
    this.#topics.set(id, topic);
    this.#markDirty(id);
    return topic;
  }

  /** The topic of a job that a list has just read. It is read again soon: it may have changed since. */
  openWith(job: JobSnapshot): JobTopic {
    const topic = this.open(job.id);
    if (!topic.isLoaded) this.#set(topic, job);
    return topic;
  }

  /** Forgets a topic that nobody follows any more. */
  close(topic: JobTopic): void {
    if (topic.watchers.size === 0) this.#topics.delete(topic.id);
  }

  onEvent({ id }: JobEvent): void {
    if (this.#topics.has(id) || this.#parts.readsAll()) this.#markDirty(id);
  }

  /** After events may have been missed. */
  refreshAll(): void {
    for (const id of this.#topics.keys()) this.#dirty.add(id);
    this.#pacer.ask();
  }

  /** Reads what couldn't be read before. */
  retry(): void {
    for (const [id, topic] of this.#topics) if (topic.error) this.#markDirty(id);
  }

  #markDirty(id: string): void {
    this.#dirty.add(id);
    this.#pacer.ask();
  }

  async #refresh(): Promise<void> {
    const ids = [...this.#dirty].slice(0, MAX_READ);
    for (const id of ids) this.#dirty.delete(id);
    try {
      await this.#parts.listening();
      const jobs = await this.#parts.queue.getMany(ids);
      for (const [index, id] of ids.entries()) {
        const job = jobs[index] ?? null;
        const topic = this.#topics.get(id);
        if (topic) this.#set(topic, job);
        if (job) this.#parts.onJob(job);
      }
    } catch (error) {
      const described = this.#parts.onError(error);
      for (const id of ids) this.#topics.get(id)?.fail(described);
      return;
    }
    if (this.#dirty.size > 0) this.#pacer.ask();
  }

  #set(topic: JobTopic, job: JobSnapshot | null): void {
    topic.subject = job ? toSubject(job) : undefined;
    topic.set(job && toPublicJob(job, this.#parts.show));
  }
}
