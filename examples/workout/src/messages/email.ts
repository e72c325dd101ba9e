import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { retryThrice } from "./policies.ts";
import { id } from "./vocabulary.ts";

export const email = defineMessage("EMAIL", {
  data: z.strictObject({
    /** Chosen by the sender. An id is sent once. */
    emailId: id,
    to: z.array(z.email()).min(1).max(50),
    replyTo: z.email().optional(),
    subject: z.string().regex(/^[^\r\n]{1,200}$/, "expected one line of at most 200 characters"),
    text: z.string().min(1).max(50_000),
    html: z.string().max(100_000).optional(),
  }),
  result: z.strictObject({
    emailId: id,
    messageId: z.string(),
    /** False if an earlier delivery of the job has sent it already. */
    sentNow: z.boolean(),
  }),
  queue: "email",
  retry: retryThrice,
  timeout: "1m",
});
