import type { Handlers } from "@org/queue";
import type { Database } from "../db/open.ts";
import type { Mailer } from "../mail/mailer.ts";
import type { WorkoutMessage } from "../registry.ts";
import { syncTrainingVolumes } from "./data-sync-handler.ts";
import { sendEmail } from "./email-handler.ts";
import { createExercise, deleteExercise, updateExercise } from "./exercise-handlers.ts";
import { saveFullPlan } from "./full-save-handler.ts";
import { createPhase, deletePhase, updatePhase } from "./phase-handlers.ts";
import { createPlan, updatePlan } from "./plan-handlers.ts";
import { recordNotification, recordUserAction } from "./record-handlers.ts";
import { createSession, deleteSession, updateSession } from "./session-handlers.ts";
import { runTest } from "./test-handler.ts";

/** A handler for every message of the registry. */
export function createHandlers({ db, mailer }: { db: Database; mailer: Mailer }): Handlers<WorkoutMessage> {
  return {
    TEST: runTest(db),
    USER_ACTION: recordUserAction(db),
    NOTIFICATION: recordNotification(db),
    EMAIL: sendEmail(db, mailer),
    DATA_SYNC: syncTrainingVolumes(db),
    WORKOUT_UPDATE: updatePlan(db),
    WORKOUT_PLAN_CREATE: createPlan(db),
    WORKOUT_PHASE_CREATE: createPhase(db),
    WORKOUT_PHASE_UPDATE: updatePhase(db),
    WORKOUT_PHASE_DELETE: deletePhase(db),
    WORKOUT_SESSION_CREATE: createSession(db),
    WORKOUT_SESSION_UPDATE: updateSession(db),
    WORKOUT_SESSION_DELETE: deleteSession(db),
    WORKOUT_EXERCISE_CREATE: createExercise(db),
    WORKOUT_EXERCISE_UPDATE: updateExercise(db),
    WORKOUT_EXERCISE_DELETE: deleteExercise(db),
    WORKOUT_PLAN_FULL_SAVE: saveFullPlan(db),
  };
}
