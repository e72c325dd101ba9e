import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { retryThrice } from "./policies.ts";
import { id, NOTIFICATION_KINDS, title } from "./vocabulary.ts";

export const notification = defineMessage("NOTIFICATION", {
  data: z.strictObject({
    notificationId: id,
    userId: id,
    kind: z.enum(NOTIFICATION_KINDS),
    title,
    body: z.string().max(2_000),
    /** A path of the app, never another site. */
    link: z
      .string()
      .regex(/^\/(?!\/)[^\s\\]{0,300}$/, "expected a path like /plans/1")
      .optional(),
  }),
  result: z.strictObject({ notificationId: id }),
  queue: "notifications",
  orderingKey: ({ userId }) => userId,
  retry: retryThrice,
  timeout: "10s",
});
