import { randomUUID } from "node:crypto";
import type { JobHandle, JobReference, Queue, SendOptions } from "@org/queue";
import type { Message, SendData } from "@org/queue/contract";
import { eq } from "drizzle-orm";
import type { Database } from "./db/open.ts";
import { clients, workoutPlans } from "./db/schema.ts";
import { email } from "./messages/email.ts";
import { exerciseCreate, exerciseDelete, exerciseUpdate } from "./messages/exercise.ts";
import { type FullSave, planFullSave } from "./messages/full-save.ts";
import { phaseCreate, phaseDelete, phaseUpdate } from "./messages/phase.ts";
import { planCreate } from "./messages/plan.ts";
import { sessionCreate, sessionDelete, sessionUpdate } from "./messages/session.ts";
import type { WorkoutMessage } from "./registry.ts";

export type WorkoutQueue = Queue<WorkoutMessage>;

/** The jobs of a client's first phase. */
export interface NewClientJobs {
  /** Absent if the plan existed already. */
  readonly plan?: JobHandle<typeof planCreate>;
  readonly phase: JobHandle<typeof phaseCreate>;
}

/** A new client as entered by a trainer, with a first plan. */
export interface SignUp {
  readonly clientId: string;
  readonly contact: { readonly name: string; readonly email: string };
  readonly plan: Omit<SendData<typeof planCreate>, "clientId" | "client">;
}

/** The jobs of a sign-up. They reach the queue once the transaction is committed, so wait for them after that. */
export interface SignUpJobs {
  readonly plan: JobHandle<typeof planCreate>;
  /** Waits for the plan. */
  readonly welcome: JobHandle<typeof email>;
}

/** Options that apply to all jobs of a call. */
type SharedOptions = Pick<SendOptions, "userId" | "metadata" | "priority">;

type Send<M extends Message> = (data: SendData<M>, options?: SendOptions) => Promise<JobHandle<M>>;

/**
 * How the app sends jobs: one method per action of a trainer. With the option `tx`, jobs are sent in that database
 * transaction: when it commits, or not at all.
 */
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

  /** A phase that depends on the job that creates its plan, in any state. */
  queuePhaseCreateWithDependency(
    data: SendData<typeof phaseCreate>,
    planJob: JobReference,
    options: Omit<SendOptions, "dependsOn"> = {},
  ): Promise<JobHandle<typeof phaseCreate>> {
    return this.#queue.send(phaseCreate, data, { ...options, dependsOn: [planJob] });
  }

  /** A whole plan, in the parts that `toFullSaves` returns. All of them are stored, or none. */
  queueFullPlanSave(
    parts: readonly FullSave[],
    options: SharedOptions & Pick<SendOptions, "dependsOn"> = {},
  ): Promise<readonly JobHandle<typeof planFullSave>[]> {
    return this.#queue.sendMany(parts.map((data) => ({ message: planFullSave, data, options })));
  }

  /**
   * A phase for a client who may be new. If the plan exists, only the phase is sent, otherwise the plan and a phase
   * that depends on it. Two concurrent calls may both send the plan; creating it again changes nothing.
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

  /**
   * Inserts a client, and sends the first plan and a welcome e-mail. One transaction stores all three, or none: a crash
   * never leaves a client without a plan, and nobody is welcomed whose row was rolled back. With `tx` it is part of the
   * caller's transaction.
   *
   * Returns `null` for an existing client, for example after a second click. Then nothing is changed or sent.
   */
  signUpClient(
    { clientId, contact, plan }: SignUp,
    { tx: outer = this.#db, ...options }: SharedOptions & { readonly tx?: Database } = {},
  ): Promise<SignUpJobs | null> {
    return outer.transaction(async (tx) => {
      // Of two concurrent calls, the second waits here until the first has committed.
      const entered = await tx
        .insert(clients)
        .values({ id: clientId, ...contact })
        .onConflictDoNothing()
        .returning({ id: clients.id });
      if (entered.length === 0) return null;
      const [planJob, welcome] = await this.#queue.sendMany(
        [
          { ref: "plan", message: planCreate, data: { ...plan, clientId }, options },
          {
            message: email,
            data: welcomeTo(contact, plan.name),
            options: { ...options, dependsOn: [{ ref: "plan" }] },
          },
        ],
        { tx },
      );
      return { plan: planJob, welcome };
    });
  }
}

function welcomeTo({ name, email: address }: SignUp["contact"], planName: string): SendData<typeof email> {
  return {
    emailId: randomUUID(),
    to: [address],
    subject: "Welcome to the workout planner",
    text: `Hello ${name},\n\nyour trainer has written your first plan: ${planName}.\n`,
  };
}
