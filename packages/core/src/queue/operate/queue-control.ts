import { parseOptions } from "../../contract/options.ts";
import { assertKnownQueue } from "../known-queue.ts";
import type { QueueContext } from "../queue-context.ts";
import { type CleanOptions, cleanSchema } from "../queue-options.ts";

/** Pauses, resumes and cleans whole queues. */
export class QueueControl {
  readonly #context: QueueContext;

  constructor(context: QueueContext) {
    this.#context = context;
  }

  async pause(queue: string): Promise<void> {
    const queues = this.#context.facet("queues");
    await assertKnownQueue(queue, this.#context);
    return queues.pause(queue);
  }

  async resume(queue: string): Promise<void> {
    const queues = this.#context.facet("queues");
    await assertKnownQueue(queue, this.#context);
    return queues.resume(queue);
  }

  async clean(options: CleanOptions): Promise<number> {
    const operate = this.#context.facet("operate");
    const { queue, ...request } = parseOptions("clean", cleanSchema, options);
    if (queue !== undefined) await assertKnownQueue(queue, this.#context);
    return operate.clean({ ...request, ...(queue !== undefined && { queue }) });
  }
}
