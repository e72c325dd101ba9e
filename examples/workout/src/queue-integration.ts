import type { JobHandle, JobReference, Queue, SendOptions } from "@org/queue";
import type { Message, SendData } from "@org/queue/contract";
import { eq } from "drizzle-orm";
import type { Database } from "./db/open.ts";
import { workoutPlans } from "./db/schema.ts";
import { exerciseCreate, exerciseDelete, exerciseUpdate } from "./messages/exercise.ts";
import { type FullSave, planFullSave } from "./messages/full-save.ts";
import { phaseCreate, phaseDelete, phaseUpdate } from "./messages/phase.ts";
import { planCreate } from "./messages/plan.ts";
import { sessionCreate, sessionDelete, sessionUpdate } from "./messages/session.ts";
import type { WorkoutMessage } from "./registry.ts";

export type WorkoutQueue = Queue<WorkoutMessage>;

/** What a new client's first phase came to. */
export interface NewClientJobs {
  /** Absent when the plan was there already. */
  readonly plan?: JobHandle<typeof planCreate>;
  readonly phase: JobHandle<typeof phaseCreate>;
}

/** Options that fit all jobs of a call that sends several. */
type SharedOptions = Pick<SendOptions, "userId" | "metadata" | "priority">;

type Send<M extends Message> = (data: SendData<M>, options?: SendOptions) => Promise<JobHandle<M>>;

/** How the app sends its work: one method per thing that a trainer does to a plan. */
export class WorkoutQueueIntegration {
  readonly #queue: WorkoutQueue;
  readonly #db: Database;

  readonly queuePlanCreate: Send<typeof planCreate>;
  readonly queuePhaseCreate: Send<typeof phaseCreate>;
  readonly queuePhaseUpdate: Send<typeof phaseUpdate>;
  readonly queuePhaseDelete: Send<typeof phaseDelete>;
  readonly queueSessionCreate: Send<typeof sessionCreate>;
  readonly queueSessionUpdate: Send<typeof sessionUpdate>;
  readonly queueSessionDelete: Send<typeof sessionDelete>;
  readonly queueExerciseCreate: Send<typeof exerciseCreate>;
  readonly queueExerciseUpdate: Send<typeof exerciseUpdate>;
  readonly queueExerciseDelete: Send<typeof exerciseDelete>;

  constructor({ queue, db }: { readonly queue: WorkoutQueue; readonly db: Database }) {
    this.#queue = queue;
    this.#db = db;
    const sends =
      <M extends WorkoutMessage>(message: M): Send<M> =>
      (data, options) =>
        queue.send(message, data, options);
    this.queuePlanCreate = sends(planCreate);
    this.queuePhaseCreate = sends(phaseCreate);
    this.queuePhaseUpdate = sends(phaseUpdate);
    this.queuePhaseDelete = sends(phaseDelete);
    this.queueSessionCreate = sends(sessionCreate);
    this.queueSessionUpdate = sends(sessionUpdate);
    this.queueSessionDelete = sends(sessionDelete);
    this.queueExerciseCreate = sends(exerciseCreate);
    this.queueExerciseUpdate = sends(exerciseUpdate);
    this.queueExerciseDelete = sends(exerciseDelete);
  }

  /** A phase that waits for the job that creates its plan, whatever state that job is in. */
  queuePhaseCreateWithDependency(
    data: SendData<typeof phaseCreate>,
    planJob: JobReference,
    options: Omit<SendOptions, "dependsOn"> = {},
  ): Promise<JobHandle<typeof phaseCreate>> {
    return this.#queue.send(phaseCreate, data, { ...options, dependsOn: [planJob] });
  }

  /** A whole plan, in as many parts as `toFullSaves` made of it: all of them are stored, or none. */
  queueFullPlanSave(
    parts: readonly FullSave[],
    options: SharedOptions & Pick<SendOptions, "dependsOn"> = {},
  ): Promise<readonly JobHandle<typeof planFullSave>[]> {
    return this.#queue.sendMany(parts.map((data) => ({ message: planFullSave, data, options })));
  }

  /**
   * A phase for a client who may be new. When the plan is stored, the phase is sent alone; else the plan
   * and, after it, the phase. Two calls at once may both send the plan: creating it again changes nothing.
   */
  async queuePhaseForClient(
    plan: SendData<typeof planCreate>,
    phase: SendData<typeof phaseCreate>,
    options: SharedOptions = {},
  ): Promise<NewClientJobs> {
    if ((await this.#db.$count(workoutPlans, eq(workoutPlans.id, plan.planId))) > 0) {
      return { phase: await this.queuePhaseCreate(phase, options) };
    }
    const [planJob, phaseJob] = await this.#queue.sendMany([
      { ref: "plan", message: planCreate, data: plan, options },
      { message: phaseCreate, data: phase, options: { ...options, dependsOn: [{ ref: "plan" }] } },
    ]);
    return { plan: planJob, phase: phaseJob };
  }
}
