import { defineMessage } from "@org/queue/contract";
import { z } from "zod";
import { inPlanOrder, retryThrice } from "./policies.ts";
import { id, notes, SESSION_TYPES, title, week, weekday } from "./vocabulary.ts";

export const sessionFields = {
  week,
  day: weekday,
  name: title,
  type: z.enum(SESSION_TYPES),
  notes: notes.optional(),
};

const policies = { queue: "workouts", orderingKey: inPlanOrder, retry: retryThrice, timeout: "30s" } as const;
const session = { sessionId: id, planId: id };

export const sessionCreate = defineMessage("WORKOUT_SESSION_CREATE", {
  data: z.strictObject({ ...session, phaseId: id, ...sessionFields }),
  result: z.strictObject({ sessionId: id, saved: z.boolean() }),
  ...policies,
});

export const sessionUpdate = defineMessage("WORKOUT_SESSION_UPDATE", {
  data: z.strictObject({
    ...session,
    changes: z
      .strictObject({
        /** Moves the session to another phase of the same plan. */
        phaseId: id.optional(),
        week: week.optional(),
        day: weekday.optional(),
        name: title.optional(),
        type: z.enum(SESSION_TYPES).optional(),
        notes: notes.nullable().optional(),
      })
      .refine((changes) => Object.keys(changes).length > 0, "expected at least one change"),
  }),
  result: z.strictObject({ sessionId: id, saved: z.boolean() }),
  ...policies,
});

/** Also deletes the session's exercises. */
export const sessionDelete = defineMessage("WORKOUT_SESSION_DELETE", {
  data: z.strictObject(session),
  result: z.strictObject({ sessionId: id, removed: z.boolean() }),
  ...policies,
});
