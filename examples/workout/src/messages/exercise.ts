import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { inPlanOrder, retryThrice } from "./policies.ts";
import { load, prescription, rpe, tempo } from "./prescription.ts";
import { id, notes, position } from "./vocabulary.ts";

const policies = { queue: "workouts", orderingKey: inPlanOrder, retry: retryThrice, timeout: "30s" } as const;
const exercise = { exerciseId: id, planId: id };

export const exerciseCreate = defineMessage("WORKOUT_EXERCISE_CREATE", {
  data: z.strictObject({ ...exercise, sessionId: id, position, ...prescription }),
  result: z.strictObject({ exerciseId: id, saved: z.boolean() }),
  ...policies,
});

export const exerciseUpdate = defineMessage("WORKOUT_EXERCISE_UPDATE", {
  data: z.strictObject({
    ...exercise,
    changes: z
      .strictObject({
        position: position.optional(),
        label: prescription.label.optional(),
        name: prescription.name.optional(),
        sets: prescription.sets.optional(),
        reps: prescription.reps.optional(),
        load: load.nullable().optional(),
        rpe: rpe.nullable().optional(),
        tempo: tempo.nullable().optional(),
        restSeconds: z.int().min(0).max(3_600).nullable().optional(),
        notes: notes.nullable().optional(),
      })
      .refine((changes) => Object.keys(changes).length > 0, "expected at least one change"),
  }),
  result: z.strictObject({ exerciseId: id, saved: z.boolean() }),
  ...policies,
});

export const exerciseDelete = defineMessage("WORKOUT_EXERCISE_DELETE", {
  data: z.strictObject(exercise),
  result: z.strictObject({ exerciseId: id, removed: z.boolean() }),
  ...policies,
});
