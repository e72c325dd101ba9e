import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { retryThrice } from "./policies.ts";
import { externalId } from "./vocabulary.ts";

/** Tries out the machine itself: takes a while, notifies, or fails, as asked. */
export const test = defineMessage("TEST", {
  data: z.strictObject({
    note: z.string().min(1).max(500),
    /** How long the handler works. */
    takesMs: z.int().min(0).max(60_000).optional(),
    /** A user who is notified, once, however often the job is tried. */
    notify: externalId.optional(),
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
  }),
  retry: retryThrice,
  timeout: "2m",
});
