import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { retryThrice } from "./policies.ts";
import { id } from "./vocabulary.ts";

export const userAction = defineMessage("USER_ACTION", {
  data: z.strictObject({
    actionId: id,
    userId: id,
    /** The action, like "plan.opened". */
    action: z.string().regex(/^[a-z]+(\.[a-z-]+){1,3}$/, 'expected a name like "plan.opened"'),
    occurredAt: z.iso.datetime(),
    details: z
      .record(z.string().max(64), z.union([z.string().max(1_000), z.number(), z.boolean(), z.null()]))
      .optional(),
  }),
  result: z.strictObject({ actionId: id }),
  // Lower priority than work that users wait for.
  priority: 10,
  retry: retryThrice,
  timeout: "10s",
});
