import type { Handler } from "@org/queue";
import type { Database } from "../db/open.ts";
import { notifications, userActions } from "../db/schema.ts";
import type { notification } from "../messages/notification.ts";
import type { userAction } from "../messages/user-action.ts";

export function recordNotification(db: Database): Handler<typeof notification> {
  return async ({ data: { notificationId, ...entry } }) => {
    await db
      .insert(notifications)
      .values({ id: notificationId, ...entry })
      .onConflictDoNothing();
    return { notificationId };
  };
}

export function recordUserAction(db: Database): Handler<typeof userAction> {
  return async ({ data: { actionId, occurredAt, ...entry } }) => {
    await db
      .insert(userActions)
      .values({ id: actionId, occurredAt: new Date(occurredAt), ...entry })
      .onConflictDoNothing();
    return { actionId };
  };
}
