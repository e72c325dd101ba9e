import { createQueue, createRegistry, defineMessage } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import * as z from "zod";

export const change = defineMessage("CHANGE", { data: z.object({ index: z.int() }), queue: "load" });

export function openLoadQueue(url: string) {
  const registry = createRegistry([change]);
  return createQueue({ registry, engine: redisEngine({ url, namespace: "load" }) });
}

export const jobId = (index: number) => `load-${index}`;
