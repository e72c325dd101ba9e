import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { retryThrice } from "./policies.ts";
import { id } from "./vocabulary.ts";

/** Adds up each client's training, row by row, into a sync run. */
export const dataSync = defineMessage("DATA_SYNC", {
  data: z.strictObject({
    syncId: id,
    /** Only this client. @default all clients */
    clientId: id.optional(),
  }),
  result: z.strictObject({ syncId: id, clients: z.int(), exercises: z.int(), sets: z.int() }),
  progress: z.strictObject({ clients: z.int(), of: z.int() }),
  queue: "sync",
  // Concurrent runs would read the same rows twice.
  orderingKey: () => "data-sync",
  retry: retryThrice,
  timeout: "5m",
});
