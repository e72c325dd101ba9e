import type { EnqueueBatch, EnqueueOutcome } from "../../engine/core.ts";
import type { Engine } from "../../engine/engine.ts";
import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import { describeThrown } from "../../errors/thrown.ts";
import { nextTurn } from "../../timing/next-turn.ts";

interface Entry {
  readonly batch: EnqueueBatch;
  readonly resolve: (outcome: EnqueueOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * With so many jobs a call is made at once: more in it would save little, and an engine on a server works on it
 * while the turn's next sends are encoded.
 */
const FULL_CALL = 100;

/**
 * Gathers the sends of one event-loop turn into one `enqueue` call, or a few when they are many. Each keeps its
 * own batch, so each succeeds or is refused by itself. While no call is under way, only the sends that are made together
 * wait for each other, not for the end of the turn.
 */
export class EnqueueBatcher {
  readonly #engine: Engine;
  readonly #underway = new Map<readonly Entry[], Promise<void>>();
  #entries: Entry[] = [];
  #jobs = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  add(
    batch: EnqueueBatch,
    resolve: (outcome: EnqueueOutcome) => void,
    reject: (error: unknown) => void,
  ): void {
    if (this.#entries.length === 0) this.#schedule();
    this.#entries.push({ batch, resolve, reject });
    this.#jobs += batch.jobs.length;
    if (this.#jobs >= FULL_CALL) this.#flush();
  }

  /** Sends what is waiting and resolves when every call has been answered. */
  async drain(): Promise<void> {
    this.#flush();
    while (this.#underway.size > 0) await Promise.all(this.#underway.values());
  }

  /** Nobody waits any longer for the calls under way. */
  giveUp(): void {
    for (const entries of this.#underway.keys()) {
      for (const entry of entries) this.#reject(entry, unanswered(this.#engine));
    }
  }

  /** Calls of an embedded engine end in the turn in which they begin: without a pause, a loop of sends would block. */
  #schedule(): void {
    if (this.#underway.size > 0 || this.#engine.embedded) nextTurn(this.#flush);
    else queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    const entries = this.#entries;
    if (entries.length === 0) return;
    this.#entries = [];
    this.#jobs = 0;
    this.#underway.set(entries, this.#send(entries));
  };

  async #send(entries: readonly Entry[]): Promise<void> {
    let outcomes: readonly EnqueueOutcome[];
    try {
      outcomes = await this.#engine.core.enqueue(entries.map(({ batch }) => batch));
    } catch (error) {
      if (entries.length === 1 || isQueueError(error))
        for (const entry of entries) this.#reject(entry, error);
      // Something about one of them that the engine has no word for: alone, only that one fails.
      else for (const entry of entries) await this.#send([repeated(entry)]);
      this.#underway.delete(entries);
      return;
    }
    // First: who was answered may send again at once.
    this.#underway.delete(entries);
    entries.forEach((entry, index) => {
      const outcome = outcomes[index];
      if (outcome) entry.resolve(outcome);
      else this.#reject(entry, unanswered(this.#engine));
    });
  }

  /** Each send gets an error of its own, with the ids that make a repeat of it safe. */
  #reject({ batch, reject }: Entry, error: unknown): void {
    const ids = batch.jobs.map(({ envelope }) => envelope.id);
    const where = ids.length === 1 ? `Its id is ${ids[0]}.` : "The ids are in the error's `ids`.";
    if (isQueueError(error)) {
      const { code, message, cause, issues } = error;
      const advice = code === "ENGINE_UNAVAILABLE" ? storedOnce(ids) : where;
      reject(new QueueError(code, `${message} ${advice}`, { cause, issues, ids }));
    } else {
      const text = `The ${this.#engine.name} engine failed at the send: ${describeThrown(error).message.replace(/\.$/, "")}. ${where}`;
      reject(new QueueError("ENGINE_FAILED", text, { cause: error, ids }));
    }
  }
}

/** The call that failed may have stored the jobs, so their ids are no longer new. */
function repeated({ batch, ...entry }: Entry): Entry {
  const jobs = batch.jobs.map((job) => {
    const { hasNewId: _, ...rest } = job;
    return rest;
  });
  return { ...entry, batch: { jobs } };
}

function storedOnce(ids: readonly string[]): string {
  return ids.length === 1
    ? `With the same id, ${ids[0]}, the job is stored once.`
    : "With the same ids, which the error's `ids` hold, each job is stored once.";
}

function unanswered(engine: Engine): QueueError {
  return new QueueError(
    "ENGINE_UNAVAILABLE",
    `The ${engine.name} engine didn't answer for every batch. Try again.`,
  );
}
