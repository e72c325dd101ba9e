import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { inPlanOrder, retryThrice } from "./policies.ts";
import { id, notes, position, title, week } from "./vocabulary.ts";

export const phaseFields = {
  position,
  name: title,
  /** The week of the plan in which the phase starts. */
  startWeek: week,
  weeks: z.int().min(1).max(52),
  notes: notes.optional(),
};

const policies = { queue: "workouts", orderingKey: inPlanOrder, retry: retryThrice, timeout: "30s" } as const;
const phase = { phaseId: id, planId: id };

export const phaseCreate = defineMessage("WORKOUT_PHASE_CREATE", {
  data: z.strictObject({ ...phase, ...phaseFields }),
  result: z.strictObject({ phaseId: id, saved: z.boolean() }),
  ...policies,
});

export const phaseUpdate = defineMessage("WORKOUT_PHASE_UPDATE", {
  data: z.strictObject({
    ...phase,
    changes: z
      .strictObject({
        position: position.optional(),
        name: title.optional(),
        startWeek: week.optional(),
        weeks: z.int().min(1).max(52).optional(),
        notes: notes.nullable().optional(),
      })
      .refine((changes) => Object.keys(changes).length > 0, "expected at least one change"),
  }),
  result: z.strictObject({ phaseId: id, saved: z.boolean() }),
  ...policies,
});

/** Also deletes the phase's sessions and exercises. */
export const phaseDelete = defineMessage("WORKOUT_PHASE_DELETE", {
  data: z.strictObject(phase),
  /** `removed` is false if there was nothing (left) to remove. */
  result: z.strictObject({ phaseId: id, removed: z.boolean() }),
  ...policies,
});
