import { defineMessage, type SendData } from "@org/queue/contract";
import { z } from "zod";
import { phaseFields } from "./phase.ts";
import { planFields } from "./plan.ts";
import { inPlanOrder, retryThrice } from "./policies.ts";
import { prescription } from "./prescription.ts";
import { sessionFields } from "./session.ts";
import { id } from "./vocabulary.ts";

/** An exercise's place is its place in the list. */
const exercise = z.strictObject({ exerciseId: id, ...prescription });

const session = z.strictObject({
  sessionId: id,
  ...sessionFields,
  exercises: z.array(exercise).max(60),
});

const phase = z.strictObject({
  phaseId: id,
  ...phaseFields,
  sessions: z.array(session).max(400),
});

/**
 * Saves a whole plan at once: what is in it is written, what is no longer in it is removed.
 *
 * A plan too large for one job is sent in parts. Each part carries the content of some phases, and all
 * parts the ids of all phases, so that parts can be saved, repeated and retried one by one.
 */
export const planFullSave = defineMessage("WORKOUT_PLAN_FULL_SAVE", {
  data: z
    .strictObject({
      planId: id,
      plan: z.strictObject(planFields),
      /** Every phase of the plan, in its order. Phases that aren't named here are removed. */
      phaseIds: z.array(id).max(52),
      /** The phases whose content this part saves. */
      phases: z.array(phase).max(52),
    })
    .refine(({ phaseIds, phases }) => phases.every(({ phaseId }) => phaseIds.includes(phaseId)), {
      path: ["phaseIds"],
      message: "names every phase in phases",
    }),
  result: z.strictObject({
    planId: id,
    /** Rows that were written: not those that held a newer change, or were deleted since. */
    phases: z.int(),
    sessions: z.int(),
    exercises: z.int(),
    /** Rows that were stored before and aren't part of the plan any more. */
    removed: z.int(),
  }),
  progress: z.strictObject({ exercises: z.int(), of: z.int() }),
  queue: "workouts",
  orderingKey: inPlanOrder,
  retry: retryThrice,
  timeout: "2m",
  // A save carries up to 256 KB: keep few of those that went well.
  retain: { completed: { age: "1h", count: 50 } },
});

export type FullSave = SendData<typeof planFullSave>;
