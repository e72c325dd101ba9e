import { createRegistry, defineMessage } from "@org/queue";
import { z } from "zod";

/** The job of the soak. Small, because there are millions. */
export const soakStep = defineMessage("SOAK_STEP", {
  data: z.object({
    /** Milliseconds to sleep. */
    sleep: z.int().optional(),
    /** Number of attempts that throw before one returns. */
    failures: z.int().optional(),
    key: z.string().optional(),
  }),
  queue: "soak",
  orderingKey: ({ key }) => key,
  retry: { attempts: 4, backoff: { type: "fixed", delay: 50 } },
  maxStalls: 1_000,
  // Trimmed as in production, so that growing memory is a leak.
  retain: { completed: { age: "1m", count: 1_000 }, failed: { age: "1m", count: 1_000 } },
});

export const soakRegistry = createRegistry([soakStep]);
