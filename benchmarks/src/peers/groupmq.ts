import { Queue, Worker } from "groupmq";
import { Redis } from "ioredis";
import { indexOf, type Payload, payloadOf } from "./payload.ts";
import { type Consumer, countdown, keyOf, type Producer, type Setup, type System } from "./system.ts";

/**
 * groupmq. `autoBatch` is what it documents for high volumes, and is sized to what is sent at once; a job sent
 * alone would only wait for its window, so there it is off, as documented too. Where no order is asked for, there
 * are as many groups as handlers, which is where it is fastest: fewer leave handlers idle, more cost it searches.
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
    // Within this process: told once Redis has confirmed.
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
