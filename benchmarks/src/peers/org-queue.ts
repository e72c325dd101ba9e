import { createQueue, createWorker } from "@org/queue";
import { createRegistry, defineMessage } from "@org/queue/contract";
import { redisEngine } from "@org/queue/redis";
import { indexOf, payloadOf, payloadSchema } from "./payload.ts";
import { type Consumer, type FlowProducer, keyOf, type Producer, type Setup, type System } from "./system.ts";

const MAX_BATCH = 10_000;

/** This library, through its public API, with parsing on both sides and default options. */
export const orgQueue: System = {
  name: "@org/queue",
  package: "@org/queue",
  isLimit: false,
  retention: true,
  ordering: true,
  priorities: true,

  async openProducer(setup): Promise<Producer> {
    const { queue, message, close } = open(setup);
    const optionsOf = (priority: number | undefined) => (priority === undefined ? undefined : { priority });
    return {
      send: (index, priority) => queue.send(message, payloadOf(index), optionsOf(priority)),
      sendMany: (indexes, priority) =>
        queue.sendMany(
          indexes.map((index) => ({ message, data: payloadOf(index), options: optionsOf(priority) })),
        ),
      close,
    };
  },

  async openConsumer(setup, { jobs, handler }): Promise<Consumer> {
    const { queue, message, close } = open(setup);
    const { promise: done, resolve, reject } = Promise.withResolvers<void>();
    let ran = 0;
    const worker = createWorker(queue, { concurrency: setup.concurrency }).handle(
      message,
      async ({ data }) => {
        await handler(indexOf(data));
        // Once the worker is idle, the engine has every outcome.
        if (++ran === jobs) setImmediate(() => worker.idle().then(resolve, reject));
      },
    );
    return {
      start: () => worker.start(),
      done,
      async stop() {
        await worker.stop();
        await close();
      },
    };
  },

  async openFlowProducer(setup): Promise<FlowProducer> {
    const { queue, message, close } = open(setup);
    const sendFlows = (flows: number, children: number) =>
      queue.sendMany(
        Array.from({ length: flows }, (_, flow) => {
          const refs = Array.from({ length: children }, (_, child) => `${flow}.${child}`);
          const dependsOn = refs.map((ref) => ({ ref }));
          return [
            ...refs.map((ref, child) => ({ ref, message, data: payloadOf(child) })),
            { message, data: payloadOf(children), options: { dependsOn } },
          ];
        }).flat(),
      );
    return {
      addFlows(flows, children) {
        if (flows * (children + 1) > MAX_BATCH) throw new Error("Too many jobs for one sendMany");
        return sendFlows(flows, children);
      },
      close,
    };
  },
};

function open({ url, keep, keys }: Setup) {
  const message = defineMessage("PING", {
    data: payloadSchema,
    retain: { completed: { count: keep } },
    ...(keys > 0 && { orderingKey: (data) => keyOf(data.count, keys) }),
  });
  const engine = redisEngine({ url, namespace: "bench" });
  const queue = createQueue({ registry: createRegistry([message]), engine });
  return {
    queue,
    message,
    close: () => queue.close(),
  };
}
