import type { Handler } from "@org/queue";
import { once } from "@org/queue/postgres";
import type { Database } from "../db/open.ts";
import { notifications, userActions } from "../db/schema.ts";
import type { notification } from "../messages/notification.ts";
import type { userAction } from "../messages/user-action.ts";

/**
 * Records a notification at most once per job. A job that is delivered again is in the inbox, and doesn't bring back a
 * notification that its reader has deleted. Two jobs with the same notification each have an inbox row; for these, the
 * primary key of the table accepts only the first.
 */
export function recordNotification(db: Database): Handler<typeof notification> {
  return async (context) => {
    const { notificationId, ...entry } = context.data;
    await once(db, context, (tx) =>
      tx
        .insert(notifications)
        .values({ id: notificationId, ...entry })
        .onConflictDoNothing(),
    );
    return { notificationId };
  };
}

/** Nothing is ever deleted from the trail, so its primary key is enough to handle a second delivery. */
export function recordUserAction(db: Database): Handler<typeof userAction> {
  return async ({ data: { actionId, occurredAt, ...entry } }) => {
    await db
      .insert(userActions)
      .values({ id: actionId, occurredAt: new Date(occurredAt), ...entry })
      .onConflictDoNothing();
    return { actionId };
  };
}
