import type { Engine } from "../engine/engine.ts";
import type { NewJob } from "../engine/job.ts";
import { QueueError } from "../errors/queue-error.ts";
import type { Service } from "../middleware/middleware.ts";
import type { Outbox } from "../queue/send/outbox.ts";
import { refusal } from "../queue/send/refusal.ts";

/** A fake database transaction, for `send(…, { tx })`. */
export interface TestTransaction {
  readonly [isTestTransaction]: true;
}

declare const isTestTransaction: unique symbol;

/** An outbox without a database. Jobs reach the engine as soon as their fake transaction commits. */
export class TestOutbox implements Outbox {
  readonly #engine: Engine;
  /** The jobs of each open transaction, by id. */
  readonly #open = new Map<unknown, Map<string, NewJob>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async add(tx: unknown, jobs: readonly NewJob[]): Promise<void> {
    const added = this.#open.get(tx);
    if (!added) {
      throw new QueueError(
        "INVALID_OPTIONS",
        "This `tx` isn't an open transaction of the test queue. Send inside `test.transaction(async (tx) => …)`, " +
          "or pass the app's own `outbox` to createTestQueue.",
      );
    }
    for (const job of jobs) if (!added.has(job.envelope.id)) added.set(job.envelope.id, job);
  }

  /** A service that does nothing, since there is nothing to relay. */
  async start(): Promise<Service> {
    return { stop: async () => {} };
  }

  async transaction<T>(work: (tx: TestTransaction) => T | Promise<T>): Promise<T> {
    const tx = Object.freeze({}) as TestTransaction;
    const jobs = new Map<string, NewJob>();
    this.#open.set(tx, jobs);
    let result: T;
    try {
      result = await work(tx);
    } finally {
      this.#open.delete(tx);
    }
    const outcomes = await this.#engine.core.enqueue([...jobs.values()].map((job) => ({ jobs: [job] })));
    for (const outcome of outcomes) if (!outcome.ok) throw refusal(outcome, (id) => id);
    return result;
  }
}
