import type { JobResult, Message } from "../../contract/message.ts";
import type { Registry } from "../../contract/registry.ts";
import type { Engine } from "../../engine/engine.ts";
import { facetOf } from "../../engine/facet.ts";
import type { JobRecord } from "../../engine/job.ts";
import { isTerminal } from "../../engine/state-machine.ts";
import { QueueError } from "../../errors/queue-error.ts";
import type { DependencyOutcome, DependencyResults } from "../../middleware/handler-context.ts";
import { readJobError } from "../../queue/read/job-error.ts";
import { readOutcome } from "../../queue/read/job-outcome.ts";

interface Read {
  readonly outcome: DependencyOutcome;
  readonly record: JobRecord | null;
}

/** Reads the dependencies of one attempt once, on the first call. */
export class LazyDependencyResults implements DependencyResults {
  readonly #engine: Engine;
  readonly #registry: Registry;
  readonly #job: string;
  readonly #dependsOn: readonly string[];
  #reads: Promise<readonly Read[]> | undefined;

  constructor(engine: Engine, registry: Registry, job: string, dependsOn: readonly string[]) {
    this.#engine = engine;
    this.#registry = registry;
    this.#job = job;
    this.#dependsOn = dependsOn;
  }

  async list(): Promise<readonly DependencyOutcome[]> {
    return (await this.#readOnce()).map(({ outcome }) => outcome);
  }

  async resultOf<D extends Message>(message: D): Promise<JobResult<D>> {
    const matching = (await this.#readOnce()).filter(({ outcome }) => outcome.messageType === message.name);
    const [first] = matching;
    if (!first) {
      throw new QueueError(
        "JOB_NOT_FOUND",
        `The job ${this.#job} has no dependency of the message ${message.name} that is stored or remembered.`,
      );
    }
    const { id, state } = first.outcome;
    if (matching.length > 1) {
      throw new QueueError(
        "INVALID_STATE",
        `The job ${this.#job} has ${matching.length} dependencies of the message ${message.name}; list() tells them apart.`,
      );
    }
    if (!state || !isTerminal(state)) {
      throw new QueueError("INVALID_STATE", `The job ${id} is ${state}: it has no result yet.`);
    }
    const ending = { id, state, messageType: message.name, record: first.record };
    return (await readOutcome(ending, this.#registry)) as JobResult<D>;
  }

  async #readOnce(): Promise<readonly Read[]> {
    this.#reads ??= this.#read();
    try {
      return await this.#reads;
    } catch (error) {
      // The handler may call again when the engine is back.
      this.#reads = undefined;
      throw error;
    }
  }

  async #read(): Promise<readonly Read[]> {
    if (this.#dependsOn.length === 0) return [];
    const records = await facetOf(this.#engine, "inspect").get(this.#dependsOn.map((id) => ({ id })));
    const gone = this.#dependsOn.filter((_, index) => !records[index]);
    const endings =
      gone.length > 0 ? await facetOf(this.#engine, "inspect").remembered(gone.map((id) => ({ id }))) : [];
    return Promise.all(
      this.#dependsOn.map(async (id, index): Promise<Read> => {
        const record = records[index] ?? null;
        if (record) return { outcome: await this.#toOutcome(record), record };
        return { outcome: { id, state: null, ...endings[gone.indexOf(id)] }, record };
      }),
    );
  }

  async #toOutcome(record: JobRecord): Promise<DependencyOutcome> {
    const { id, state, envelope } = record;
    const { messageType } = envelope;
    const base = { id, messageType, state };
    if (state === "completed") {
      const result = await readOutcome({ id, state, messageType, record }, this.#registry);
      return { ...base, ...(result !== undefined && { result }) };
    }
    return record.error === undefined ? base : { ...base, error: readJobError(record.error) };
  }
}
