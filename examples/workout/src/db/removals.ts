import { and, gt, inArray, sql } from "drizzle-orm";
import type { Database } from "./open.ts";
import { removals } from "./schema.ts";

/**
 * Which of the ids were deleted by a job sent after `sentAt`. A change that was sent before a deletion and runs after
 * it, for example by an operator's retry, must not bring the row back.
 */
export async function removedSince(
  db: Database,
  ids: readonly string[],
  sentAt: Date,
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db
    .select({ id: removals.id })
    .from(removals)
    .where(and(inArray(removals.id, [...ids]), gt(removals.removedAt, sentAt)));
  return new Set(rows.map(({ id }) => id));
}

export async function recordRemovals(db: Database, ids: readonly string[], removedAt: Date): Promise<void> {
  if (ids.length === 0) return;
  await db
    .insert(removals)
    .values(ids.map((id) => ({ id, removedAt })))
    .onConflictDoUpdate({
      target: removals.id,
      set: { removedAt: sql`greatest(${removals.removedAt}, excluded.removed_at)` },
    });
}
