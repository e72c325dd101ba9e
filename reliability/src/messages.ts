import { createRegistry, defineMessage } from "@org/queue";
import { z } from "zod";

/**
 * What a handler does: `return` at once, `wait` for an order of the suite, `sleep` without blocking, `spin`
 * and so block the event loop, or `fail`.
 */
const work = z.enum(["return", "wait", "sleep", "spin", "fail"]);

/** Everything is kept, so that an audit finds everything. */
const retain = { completed: { count: 1_000_000 }, failed: { count: 1_000_000 } } as const;

/** The job of the scenarios. */
export const step = defineMessage("STEP", {
  data: z.object({
    work,
    /** Of `sleep` and `spin`. */
    milliseconds: z.int().optional(),
    /** Attempts that throw before one does as `work` says. */
    failures: z.int().optional(),
    key: z.string().optional(),
    /** To be larger. */
    padding: z.string().optional(),
  }),
  result: z.object({ by: z.string(), fence: z.int() }),
  progress: z.object({ by: z.string() }),
  queue: "steps",
  orderingKey: ({ key }) => key,
  retry: { attempts: 4, backoff: { type: "fixed", delay: 50 } },
  // Faults kill workers far more often than jobs do.
  maxStalls: 100,
  retain,
});

export const registry = createRegistry([step]);
