import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { retryThrice } from "./policies.ts";
import { id } from "./vocabulary.ts";

/** Adds up each client's training, row by row, into a sync run. */
export const dataSync = defineMessage("DATA_SYNC", {
  data: z.strictObject({
    syncId: id,
    /** Only this client. All of them when absent. */
    clientId: id.optional(),
  }),
  result: z.strictObject({ syncId: id, clients: z.int(), exercises: z.int(), sets: z.int() }),
  progress: z.strictObject({ clients: z.int(), of: z.int() }),
  queue: "sync",
  // Two runs at once would read the same rows twice for nothing.
  orderingKey: () => "data-sync",
  retry: retryThrice,
  timeout: "5m",
});
