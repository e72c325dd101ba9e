import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { retryThrice } from "./policies.ts";
import { id } from "./vocabulary.ts";

/** Tries out the machine itself: takes a while, notifies, or fails, as asked. */
export const test = defineMessage("TEST", {
  data: z.strictObject({
    note: z.string().min(1).max(500),
    /** How long the handler works. */
    takesMs: z.int().min(0).max(60_000).optional(),
    /** Tests of one line run one at a time, in the order they were sent; tests of different lines side by side. */
    line: id.optional(),
    /** A user who is notified, once, however often the job is tried. */
    notify: id.optional(),
    /** How many attempts fail before one succeeds. */
    failures: z.int().min(0).max(10).optional(),
    /** Fails in a way that no retry can mend. */
    hopeless: z.boolean().optional(),
  }),
  result: z.strictObject({
    note: z.string(),
    attempt: z.int(),
    /** The process that ran it. */
    pid: z.int(),
    /** When the handler started and ended its work, in Unix milliseconds. */
    from: z.int(),
    to: z.int(),
  }),
  orderingKey: ({ line }) => line,
  retry: retryThrice,
  timeout: "2m",
});
