import { createRegistry, defineMessage } from "@org/queue";
import { z } from "zod";

/**
 * What a handler does: `return` at once, `wait` for a command of the suite, `sleep` without blocking, `spin` to block
 * the event loop, or `fail`.
 */
const work = z.enum(["return", "wait", "sleep", "spin", "fail"]);

/** Keeps all jobs for the audit. */
const retain = { completed: { count: 1_000_000 }, failed: { count: 1_000_000 } } as const;

/** The job of the scenarios. */
export const step = defineMessage("STEP", {
  data: z.object({
    work,
    /** Duration of `sleep` and `spin`. */
    milliseconds: z.int().optional(),
    /** Number of attempts that throw before one does `work`. */
    failures: z.int().optional(),
    key: z.string().optional(),
    /** Makes the data larger. */
    padding: z.string().optional(),
  }),
  result: z.object({ by: z.string(), fence: z.int() }),
  progress: z.object({ by: z.string() }),
  queue: "steps",
  orderingKey: ({ key }) => key,
  retry: { attempts: 4, backoff: { type: "fixed", delay: 50 } },
  // Faults kill workers far more often than in production.
  maxStalls: 100,
  retain,
});

export const registry = createRegistry([step]);
