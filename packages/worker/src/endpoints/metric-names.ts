import { HISTOGRAM_BOUNDS, type Registry } from "@org/queue";

/** What a name counts as that isn't in the registry: a foreign producer may send any. */
const OTHER = "other";

/** Upper bounds of histograms in seconds: those of the engine's own. */
export const BUCKETS: readonly number[] = HISTOGRAM_BOUNDS.map((milliseconds) => milliseconds / 1_000);

/** Label values. There are no more of them than names in the registry. */
export class MetricNames {
  readonly #messages: ReadonlySet<string>;
  readonly #queues: ReadonlySet<string>;

  constructor({ messages, queues }: Pick<Registry, "messages" | "queues">) {
    this.#messages = new Set(messages.map(({ name }) => name));
    this.#queues = new Set(queues);
  }

  queue(name: string): string {
    return this.#queues.has(name) ? name : OTHER;
  }

  message(name: string): string {
    return this.#messages.has(name) ? name : OTHER;
  }
}
