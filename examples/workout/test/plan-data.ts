import { randomUUID } from "node:crypto";
import type { SendData } from "@org/queue/contract";
import type { exerciseCreate } from "../src/messages/exercise.ts";
import type { FullSave } from "../src/messages/full-save.ts";
import type { phaseCreate } from "../src/messages/phase.ts";
import type { planCreate } from "../src/messages/plan.ts";
import type { sessionCreate } from "../src/messages/session.ts";

const newId = (part: string) => `${part}-${randomUUID().slice(0, 8)}`;

export const newPlan = (): SendData<typeof planCreate> => ({
  planId: newId("plan"),
  name: "Strength, 12 weeks",
  clientId: "ada",
  trainerId: "trainer-1",
  client: { name: "Ada Client", email: "ada@client.example" },
});

export const newPhase = (planId: string): SendData<typeof phaseCreate> => ({
  phaseId: newId("phase"),
  planId,
  position: 0,
  name: "Accumulation",
  startWeek: 1,
  weeks: 4,
});

export const newSession = (planId: string, phaseId: string): SendData<typeof sessionCreate> => ({
  sessionId: newId("session"),
  planId,
  phaseId,
  week: 1,
  day: 1,
  name: "Lower A",
  type: "strength",
});

export const newExercise = (planId: string, sessionId: string): SendData<typeof exerciseCreate> => ({
  exerciseId: newId("exercise"),
  planId,
  sessionId,
  position: 0,
  label: "A",
  name: "Back squat",
  sets: 5,
  reps: { unit: "reps", low: 5 },
  load: { kind: "percent", percent: 75 },
});

/** A plan with two phases, each with one session of two exercises. */
export function newFullSave(): FullSave {
  const { planId, ...plan } = newPlan();
  const phases = [0, 1].map((position): FullSave["phases"][number] => {
    const { planId: _, ...phase } = newPhase(planId);
    const { planId: __, phaseId: ___, ...session } = newSession(planId, phase.phaseId);
    const exercises = ["A", "B"].map((label) => {
      const { planId: _, sessionId: __, position: ___, ...exercise } = newExercise(planId, session.sessionId);
      return { ...exercise, label };
    });
    return { ...phase, position, startWeek: 1 + 4 * position, sessions: [{ ...session, exercises }] };
  });
  return { planId, plan, phaseIds: phases.map(({ phaseId }) => phaseId), phases };
}
