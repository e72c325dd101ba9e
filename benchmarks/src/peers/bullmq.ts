import { FlowProducer as BullFlowProducer, Queue, Worker } from "bullmq";
import { indexOf, type Payload, payloadOf } from "./payload.ts";
import {
  addressOf,
  type Consumer,
  countdown,
  type FlowProducer,
  type Producer,
  type Setup,
  type System,
} from "./system.ts";

const NAME = "bench";

/**
 * BullMQ. Retention is set on the worker, not on each job: the faster and smaller of the two documented ways.
 */
export const bullmq: System = {
  name: "BullMQ",
  package: "bullmq",
  isLimit: false,
  retention: true,
  ordering: false,
  priorities: true,

  async openProducer(setup): Promise<Producer> {
    const queue = new Queue<Payload>(NAME, { connection: connectionOf(setup) });
    await queue.waitUntilReady();
    const optionsOf = (priority: number | undefined) =>
      priority === undefined ? {} : { opts: { priority } };
    return {
      send: (index, priority) => queue.add("PING", payloadOf(index), optionsOf(priority).opts),
      sendMany: (indexes, priority) =>
        queue.addBulk(
          indexes.map((index) => ({ name: "PING", data: payloadOf(index), ...optionsOf(priority) })),
        ),
      close: () => queue.close(),
    };
  },

  async openConsumer(setup, { jobs, handler }): Promise<Consumer> {
    const { done, tick } = countdown(jobs);
    const worker = new Worker<Payload>(NAME, async ({ data }) => handler(indexOf(data)), {
      connection: connectionOf(setup),
      autorun: false,
      concurrency: setup.concurrency,
      removeOnComplete: { count: setup.keep },
    });
    // Emitted in this process once Redis has confirmed.
    worker.on("completed", tick);
    await worker.waitUntilReady();
    return {
      async start() {
        worker.run().catch(() => {});
      },
      done,
      stop: () => worker.close(),
    };
  },

  async openFlowProducer(setup): Promise<FlowProducer> {
    const producer = new BullFlowProducer({ connection: connectionOf(setup) });
    await producer.waitUntilReady();
    return {
      addFlows: (flows, children) =>
        producer.addBulk(
          Array.from({ length: flows }, () => ({
            name: "PING",
            queueName: NAME,
            data: payloadOf(children),
            children: Array.from({ length: children }, (_, child) => ({
              name: "PING",
              queueName: NAME,
              data: payloadOf(child),
            })),
          })),
        ),
      close: () => producer.close(),
    };
  },
};

function connectionOf({ url }: Setup) {
  return { ...addressOf(url), maxRetriesPerRequest: null };
}
