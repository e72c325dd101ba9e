import type { Handler } from "@org/queue";
import { once } from "@org/queue/postgres";
import type { Database } from "../db/open.ts";
import { notifications, userActions } from "../db/schema.ts";
import type { notification } from "../messages/notification.ts";
import type { userAction } from "../messages/user-action.ts";

/**
 * Records a notification at most once a job: one that is delivered again finds itself in the inbox, and doesn't bring
 * back what its reader has deleted meanwhile. Two jobs with the same notification have an inbox row each: of those, the
 * table's primary key lets the first in.
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

/** Nothing is ever deleted from the trail, so that its primary key is all it needs against a second delivery. */
export function recordUserAction(db: Database): Handler<typeof userAction> {
  return async ({ data: { actionId, occurredAt, ...entry } }) => {
    await db
      .insert(userActions)
      .values({ id: actionId, occurredAt: new Date(occurredAt), ...entry })
      .onConflictDoNothing();
    return { actionId };
  };
}
