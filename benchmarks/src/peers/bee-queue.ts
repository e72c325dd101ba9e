import Bee from "bee-queue";
import { indexOf, type Payload, payloadOf } from "./payload.ts";
import { addressOf, type Consumer, countdown, type Producer, type Setup, type System } from "./system.ts";

/** How often a worker checks for stalled jobs, as its README recommends. */
const STALL_INTERVAL = 5_000;

/** Bee-Queue, without features that its README says to turn off if unused: events and stored job objects. */
export const beeQueue: System = {
  name: "Bee-Queue",
  package: "bee-queue",
  isLimit: false,
  retention: false,
  ordering: false,
  priorities: false,

  async openProducer(setup): Promise<Producer> {
    const queue = openQueue(setup, { isWorker: false });
    await queue.ready();
    return {
      send: (index) => queue.createJob(payloadOf(index)).save(),
      async sendMany(indexes) {
        const errors = await queue.saveAll(indexes.map((index) => queue.createJob(payloadOf(index))));
        for (const error of errors.values()) throw error;
      },
      close: () => queue.close(0),
    };
  },

  async openConsumer(setup, { jobs, handler }): Promise<Consumer> {
    const { done, tick } = countdown(jobs);
    const queue = openQueue(setup, { isWorker: true });
    // Emitted in this process once Redis has confirmed.
    queue.on("succeeded", tick);
    await queue.ready();
    return {
      async start() {
        queue.process(setup.concurrency, async ({ data }) => handler(indexOf(data)));
        await queue.checkStalledJobs(STALL_INTERVAL);
      },
      done,
      stop: () => queue.close(1_000),
    };
  },
};

function openQueue({ url }: Setup, { isWorker }: { isWorker: boolean }): Bee<Payload> {
  const queue = new Bee<Payload>("bench", {
    redis: addressOf(url),
    isWorker,
    getEvents: false,
    sendEvents: false,
    storeJobs: false,
    removeOnSuccess: true,
    removeOnFailure: true,
  });
  // Closing during a blocking read emits an error.
  queue.on("error", () => {});
  return queue;
}
