import { z } from "zod";

export const PLAN_STATUSES = ["draft", "active", "completed", "archived"] as const;

export const SESSION_TYPES = [
  "strength",
  "hypertrophy",
  "power",
  "conditioning",
  "mobility",
  "deload",
  "test",
] as const;

export const NOTIFICATION_KINDS = ["plan", "session", "message", "reminder", "system"] as const;

/** An id chosen by the sender, such as `plan-123` or a UUID. Ids are case-sensitive. */
export const id = z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/, "expected 1-64 of A-Z a-z 0-9 _ . : -");

export const title = z.string().trim().min(1).max(160);
export const notes = z.string().max(2_000);

/** The contact of a new client, sent with the first plan. */
export const contact = z.strictObject({ name: title, email: z.email() });

export const week = z.int().min(1).max(104);
/** 1 is Monday, 7 is Sunday. */
export const weekday = z.int().min(1).max(7);
/** Position in a list, starting at 0. */
export const position = z.int().min(0).max(999);
