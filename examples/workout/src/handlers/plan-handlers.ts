import type { Handler } from "@org/queue";
import { and, eq, lte } from "drizzle-orm";
import type { Database } from "../db/open.ts";
import { requireClient, requirePlan } from "../db/parents.ts";
import { workoutPlans } from "../db/schema.ts";
import type { planCreate, workoutUpdate } from "../messages/plan.ts";

/** The columns that a plan's own messages write. */
export const PLAN_COLUMNS = ["clientId", "trainerId", "name", "goal", "startsOn", "notes"] as const;

/**
 * The change time of a plan without changes. Earlier than any update, even one that was sent before the plan's creation
 * and is retried after it.
 */
const NEVER = new Date(0);

/** An existing plan isn't changed, because a repeated or late creation must not undo its changes. */
export function createPlan(db: Database): Handler<typeof planCreate> {
  return ({ data: { planId, client, ...plan } }) =>
    db.transaction(async (tx) => {
      await requireClient(tx, plan.clientId, client);
      const saved = await tx
        .insert(workoutPlans)
        .values({ id: planId, ...plan, changedAt: NEVER })
        .onConflictDoNothing()
        .returning({ id: workoutPlans.id });
      return { planId, saved: saved.length > 0 };
    });
}

export function updatePlan(db: Database): Handler<typeof workoutUpdate> {
  return async ({ data: { planId, changes }, job }) => {
    const changedAt = job.createdAt;
    const saved = await db
      .update(workoutPlans)
      .set({ ...changes, changedAt })
      .where(and(eq(workoutPlans.id, planId), lte(workoutPlans.changedAt, changedAt)))
      .returning({ id: workoutPlans.id });
    if (saved.length === 0) await requirePlan(db, planId);
    return { planId, saved: saved.length > 0 };
  };
}
