import { UnrecoverableError } from "@org/queue/contract";
import { eq } from "drizzle-orm";
import type { Database } from "./open.ts";
import { removedSince } from "./removals.ts";
import { clients, exercises, phases, sessions, workoutPlans } from "./schema.ts";

export type PlanPart = "Phase" | "Session" | "Exercise";

/** Inserts the client if a contact is given, otherwise makes sure that the client exists. */
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
  if (known === 0) throw new Error(`Client ${clientId} isn't known. Send the name and e-mail with the plan.`);
}

/** Throws a retryable error: a missing plan may still be created, because its creation has no ordering key. */
export async function requirePlan(db: Database, planId: string): Promise<void> {
  const known = await db.$count(workoutPlans, eq(workoutPlans.id, planId));
  if (known === 0) throw new Error(`Plan ${planId} doesn't exist yet`);
}

/**
 * Whether the part of the plan exists, so that it can be changed or added to.
 *
 * False if it was deleted after `sentAt`, so that the change is obsolete.
 *
 * Throws an unrecoverable error if the part is missing: changes of a plan run in send order, so its creation would have
 * run before. Only the plan itself may still be created later.
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

/** Throws if the row belongs to another plan. A missing row (no owner) is accepted. */
export function requireSamePlan(part: PlanPart, id: string, owner: string | undefined, planId: string): void {
  if (owner === undefined || owner === planId) return;
  throw new UnrecoverableError(`${part} ${id} belongs to plan ${owner}, not to ${planId}`);
}

/** The plan that a part belongs to, or `undefined` if there is no such row. */
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
