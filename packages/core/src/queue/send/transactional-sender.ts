import { orderBatch } from "../../engine/batch-order.ts";
import type { NewJob } from "../../engine/job.ts";
import { QueueError } from "../../errors/queue-error.ts";
import type { WaitOptions } from "../read/job-waits.ts";
import { type JobHandle, StoredJobHandle } from "./job-handle.ts";
import type { Outbox } from "./outbox.ts";
import { idInUse, type Naming, refusal } from "./refusal.ts";
import type { SendRequest } from "./send-request.ts";

/** Stores jobs with the caller's own database transaction, through the queue's outbox. */
export class TransactionalSender {
  readonly #outbox: Outbox | undefined;
  readonly #wait: (id: string, options?: WaitOptions) => Promise<unknown>;

  constructor(outbox: Outbox | undefined, wait: (id: string, options?: WaitOptions) => Promise<unknown>) {
    this.#outbox = outbox;
    this.#wait = wait;
  }

  /**
   * All or nothing. The jobs are encoded already, in the order of their requests.
   *
   * @throws {QueueError} `INVALID_OPTIONS` without an outbox or with `dedupe`, `ID_IN_USE`, `DEPENDENCY_CYCLE`.
   */
  async store(
    requests: readonly SendRequest[],
    jobs: readonly NewJob[],
    naming: Naming,
  ): Promise<readonly JobHandle[]> {
    const outbox = this.#assertPossible(requests);
    // A repeat of an id within the call stands for the first job that has it, as everywhere.
    const firsts = new Map<string, NewJob>();
    const isFirst = jobs.map((job) => {
      const { id, messageType } = job.envelope;
      const first = firsts.get(id)?.envelope.messageType;
      if (first !== undefined && first !== messageType) throw idInUse(id, first);
      if (first !== undefined) return false;
      firsts.set(id, job);
      return true;
    });
    const distinct = [...firsts.values()].map((spec) => ({ spec, dependsOn: spec.dependsOn }));
    const ordered = orderBatch(distinct);
    if (!ordered.ok) throw refusal({ ...ordered, reason: "dependency-cycle" }, naming);
    await outbox.add(
      requests[0]!.tx,
      ordered.jobs.map(({ spec }) => spec),
    );
    return requests.map(
      ({ id, message }, index) => new StoredJobHandle(id, message, isFirst[index]!, this.#wait),
    );
  }

  #assertPossible(requests: readonly SendRequest[]): Outbox {
    if (!this.#outbox) {
      throw new QueueError(
        "INVALID_OPTIONS",
        "A send with `tx` needs an outbox: pass `outbox: postgresOutbox({ db })` to createQueue.",
      );
    }
    const [first] = requests;
    if (requests.some(({ tx }) => tx !== first!.tx)) {
      throw new QueueError(
        "INVALID_OPTIONS",
        "A send middleware gave the jobs of one sendMany different transactions. They are stored in one.",
      );
    }
    const deduped = requests.find(({ dedupe }) => dedupe !== undefined);
    if (deduped) {
      throw new QueueError(
        "INVALID_OPTIONS",
        `${deduped.message.name} can't be sent with \`dedupe\` in a transaction: which job it would stand for is ` +
          "known only after the commit. Give the job an id instead: the same id is stored once.",
        { issues: [{ path: "dedupe", message: "can't be combined with tx; give the job an id instead" }] },
      );
    }
    return this.#outbox;
  }
}
