import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { inPlanOrder, retryThrice } from "./policies.ts";
import { contact, id, notes, PLAN_STATUSES, title } from "./vocabulary.ts";

export const planFields = {
  name: title,
  clientId: id,
  trainerId: id,
  /** Inserts the client if it doesn't exist. Without it, an unknown client fails the job. */
  client: contact.optional(),
  goal: z.string().max(500).optional(),
  startsOn: z.iso.date().optional(),
  notes: notes.optional(),
};

export const planCreate = defineMessage("WORKOUT_PLAN_CREATE", {
  data: z.strictObject({ planId: id, ...planFields }),
  /** `saved` is false if the plan existed already, and wasn't changed. */
  result: z.strictObject({ planId: id, saved: z.boolean() }),
  queue: "workouts",
  retry: retryThrice,
  timeout: "30s",
});

/** `null` clears a field. Omitted fields don't change. */
const planChanges = z
  .strictObject({
    name: title.optional(),
    trainerId: id.optional(),
    status: z.enum(PLAN_STATUSES).optional(),
    goal: z.string().max(500).nullable().optional(),
    startsOn: z.iso.date().nullable().optional(),
    notes: notes.nullable().optional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, "expected at least one change");

export const workoutUpdate = defineMessage("WORKOUT_UPDATE", {
  data: z.strictObject({ planId: id, changes: planChanges }),
  result: z.strictObject({ planId: id, saved: z.boolean() }),
  queue: "workouts",
  orderingKey: inPlanOrder,
  retry: retryThrice,
  timeout: "30s",
});
