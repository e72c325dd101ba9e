import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { retryThrice } from "./policies.ts";
import { id } from "./vocabulary.ts";

/** Tests the queue itself: takes a while, sends a notification, or fails. */
export const test = defineMessage("TEST", {
  data: z.strictObject({
    note: z.string().min(1).max(500),
    /** How long the handler works. */
    takesMs: z.int().min(0).max(60_000).optional(),
    /** Tests of one line run one at a time, in send order. Different lines run in parallel. */
    line: id.optional(),
    /** A user to notify once, however many attempts the job has. */
    notify: id.optional(),
    /** The number of attempts that fail before one succeeds. */
    failures: z.int().min(0).max(10).optional(),
    /** Fails with an unrecoverable error. */
    hopeless: z.boolean().optional(),
  }),
  result: z.strictObject({
    note: z.string(),
    attempt: z.int(),
    /** The process that ran it. */
    pid: z.int(),
    /** Start and end of the handler, in Unix milliseconds. */
    from: z.int(),
    to: z.int(),
  }),
  orderingKey: ({ line }) => line,
  retry: retryThrice,
  timeout: "2m",
});
