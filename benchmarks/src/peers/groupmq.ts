import { Queue, Worker } from "groupmq";
import { Redis } from "ioredis";
import { indexOf, type Payload, payloadOf } from "./payload.ts";
import { type Consumer, countdown, keyOf, type Producer, type Setup, type System } from "./system.ts";

/**
 * groupmq. For high volumes it documents `autoBatch`, sized to the number of concurrent sends. For single sends it is
 * off, as documented, because they would only wait for its window. Without ordering keys there are as many groups as
 * handlers, where it is fastest: fewer groups leave handlers idle, more cost searches.
 */
export const groupmq: System = {
  name: "groupmq",
  package: "groupmq",
  isLimit: false,
  retention: false,
  ordering: true,
  priorities: false,

  async openProducer(setup): Promise<Producer> {
    const queue = openQueue(setup);
    const groups = setup.keys || setup.concurrency;
    const send = (index: number) => queue.add({ groupId: keyOf(index, groups), data: payloadOf(index) });
    return {
      send,
      sendMany: (indexes) => Promise.all(indexes.map(send)),
      close: () => queue.close(),
    };
  },

  async openConsumer(setup, { jobs, handler }): Promise<Consumer> {
    const { done, tick } = countdown(jobs);
    const queue = openQueue(setup);
    const worker = new Worker<Payload>({
      queue,
      concurrency: setup.concurrency,
      handler: async ({ data }) => handler(indexOf(data)),
    });
    // Emitted in this process once Redis has confirmed.
    worker.on("completed", tick);
    return {
      async start() {
        worker.run().catch(() => {});
      },
      done,
      async stop() {
        await worker.close(0);
        await queue.close();
      },
    };
  },
};

function openQueue({ url, atOnce, keep }: Setup): Queue<Payload> {
  return new Queue<Payload>({
    redis: new Redis(url, { maxRetriesPerRequest: null }),
    namespace: "bench",
    keepCompleted: keep,
    ...(atOnce > 1 && { autoBatch: { size: atOnce, maxWaitMs: 1 } }),
  });
}
