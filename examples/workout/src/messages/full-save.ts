import { defineMessage, type SendData } from "@org/queue/contract";
import { z } from "zod";
import { phaseFields } from "./phase.ts";
import { planFields } from "./plan.ts";
import { inPlanOrder, retryThrice } from "./policies.ts";
import { prescription } from "./prescription.ts";
import { sessionFields } from "./session.ts";
import { id } from "./vocabulary.ts";

/** The position of an exercise is its index in the list. */
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
 * Saves a whole plan at once: writes everything in it, and removes what is no longer in it.
 *
 * A plan too large for one job is sent in parts. Each part has the content of some phases and the ids of all phases, so
 * that parts can be saved, repeated and retried independently.
 */
export const planFullSave = defineMessage("WORKOUT_PLAN_FULL_SAVE", {
  data: z
    .strictObject({
      planId: id,
      plan: z.strictObject(planFields),
      /** Every phase of the plan, in order. Other phases are removed. */
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
    /** Rows that were written, without those that had a newer change or were deleted later. */
    phases: z.int(),
    sessions: z.int(),
    exercises: z.int(),
    /** Rows that were removed because they are no longer in the plan. */
    removed: z.int(),
  }),
  progress: z.strictObject({ exercises: z.int(), of: z.int() }),
  queue: "workouts",
  orderingKey: inPlanOrder,
  retry: retryThrice,
  timeout: "2m",
  // A save has up to 256 KB, so keep few completed ones.
  retain: { completed: { age: "1h", count: 50 } },
});

export type FullSave = SendData<typeof planFullSave>;
