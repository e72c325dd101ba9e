import { createRegistry } from "@org/queue/contract";
import { dataSync } from "./messages/data-sync.ts";
import { email } from "./messages/email.ts";
import { exerciseCreate, exerciseDelete, exerciseUpdate } from "./messages/exercise.ts";
import { planFullSave } from "./messages/full-save.ts";
import { notification } from "./messages/notification.ts";
import { phaseCreate, phaseDelete, phaseUpdate } from "./messages/phase.ts";
import { planCreate, workoutUpdate } from "./messages/plan.ts";
import { sessionCreate, sessionDelete, sessionUpdate } from "./messages/session.ts";
import { test } from "./messages/test-message.ts";
import { userAction } from "./messages/user-action.ts";

/** Every message of the workout planner. */
export const registry = createRegistry([
  test,
  userAction,
  notification,
  email,
  dataSync,
  workoutUpdate,
  planCreate,
  phaseCreate,
  phaseUpdate,
  phaseDelete,
  sessionCreate,
  sessionUpdate,
  sessionDelete,
  exerciseCreate,
  exerciseUpdate,
  exerciseDelete,
  planFullSave,
]);

export type WorkoutMessage = (typeof registry.messages)[number];
