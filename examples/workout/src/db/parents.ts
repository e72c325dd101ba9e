import { UnrecoverableError } from "@org/queue/contract";
import { eq } from "drizzle-orm";
import type { Database } from "./open.ts";
import { removedSince } from "./removals.ts";
import { clients, exercises, phases, sessions, workoutPlans } from "./schema.ts";

export type PlanPart = "Phase" | "Session" | "Exercise";

/** Enters the client when its contact came along, else makes sure that it is known. */
export async function requireClient(
  db: Database,
  clientId: string,
  contact: { readonly name: string; readonly email: string } | undefined,
): Promise<void> {
  if (contact) {
    await db
      .insert(clients)
      .values({ id: clientId, ...contact })
      .onConflictDoNothing();
    return;
  }
  const known = await db.$count(clients, eq(clients.id, clientId));
  if (known === 0) throw new Error(`Client ${clientId} isn't known; send its name and e-mail with the plan`);
}

/** A plan that isn't there may still come: its creation doesn't wait in the plan's line. */
export async function requirePlan(db: Database, planId: string): Promise<void> {
  const known = await db.$count(workoutPlans, eq(workoutPlans.id, planId));
  if (known === 0) throw new Error(`Plan ${planId} doesn't exist yet`);
}

/**
 * Whether the part of the plan is there to be changed, or to be added to.
 *
 * False when it was deleted after `sentAt`: then the change is overtaken, and nothing is left to do.
 *
 * A missing part is an error that no retry can mend: changes of a plan run in the order they were sent, so
 * what created it would have run before. Only the plan itself may still be on its way.
 */
export async function isInPlan(
  db: Database,
  part: PlanPart,
  id: string,
  planId: string,
  sentAt: Date,
): Promise<boolean> {
  const owner = await ownerOf(db, part, id);
  requireSamePlan(part, id, owner, planId);
  if (owner !== undefined) return true;
  if ((await removedSince(db, [id], sentAt)).size > 0) return false;
  const wasDeleted = (await removedSince(db, [id], new Date(0))).size > 0;
  if (!wasDeleted) await requirePlan(db, planId);
  throw new UnrecoverableError(`${part} ${id} ${wasDeleted ? "was deleted" : "doesn't exist"}`);
}

/** Refuses to touch another plan's row. No owner (the row isn't there) passes. */
export function requireSamePlan(part: PlanPart, id: string, owner: string | undefined, planId: string): void {
  if (owner === undefined || owner === planId) return;
  throw new UnrecoverableError(`${part} ${id} belongs to plan ${owner}, not to ${planId}`);
}

/** The plan that a part belongs to, or `undefined` when there is no such row. */
export async function ownerOf(db: Database, part: PlanPart, id: string): Promise<string | undefined> {
  const planId = { planId: phases.planId };
  const [row] = await {
    Phase: () => db.select(planId).from(phases).where(eq(phases.id, id)),
    Session: () =>
      db
        .select(planId)
        .from(sessions)
        .innerJoin(phases, eq(phases.id, sessions.phaseId))
        .where(eq(sessions.id, id)),
    Exercise: () =>
      db
        .select(planId)
        .from(exercises)
        .innerJoin(sessions, eq(sessions.id, exercises.sessionId))
        .innerJoin(phases, eq(phases.id, sessions.phaseId))
        .where(eq(exercises.id, id)),
  }[part]();
  return row?.planId;
}
