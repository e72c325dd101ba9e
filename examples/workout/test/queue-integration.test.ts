import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createTestQueue } from "@org/queue/testing";
import { describe, expect } from "vitest";
import { exercises, phases, sessions, workoutPlans } from "../src/db/schema.ts";
import { createHandlers } from "../src/handlers/all-handlers.ts";
import { email } from "../src/messages/email.ts";
import { phaseCreate } from "../src/messages/phase.ts";
import { planCreate, workoutUpdate } from "../src/messages/plan.ts";
import { parseProgramme } from "../src/programme/parse-programme.ts";
import { toFullSaves } from "../src/programme/to-full-save.ts";
import { WorkoutQueueIntegration } from "../src/queue-integration.ts";
import { registry } from "../src/registry.ts";
import { DRIVERS, testOn } from "./databases.ts";
import { memoryMailer } from "./memory-mailer.ts";
import { newExercise, newFullSave, newPhase, newPlan, newSession } from "./plan-data.ts";

describe.each(DRIVERS)("on %s", (driver) => {
  /** The whole app: a queue, a running worker, and the integration, on a stopped clock. */
  const test = testOn(driver).extend("app", async ({ db }, { onCleanup }) => {
    const { mailer, sent, refuse } = memoryMailer();
    const { close, ...tested } = await createTestQueue({
      registry,
      handlers: createHandlers({ db, mailer }),
    });
    onCleanup(close);
    return { ...tested, sent, refuse, integration: new WorkoutQueueIntegration({ queue: tested.queue, db }) };
  });

  describe("a new client", () => {
    test("gets the plan and, after it, the phase", async ({ db, app: { queue, integration } }) => {
      const plan = newPlan();
      const sent = await integration.queuePhaseForClient(plan, newPhase(plan.planId), {
        userId: "trainer-1",
      });
      expect(await sent.phase.wait()).toMatchObject({ saved: true });
      expect(await queue.get(sent.phase)).toMatchObject({
        userId: "trainer-1",
        dependsOn: [{ job: sent.plan!.id, onFailure: "cancel" }],
      });
      const [planEnd, phaseEnd] = [await queue.get(sent.plan!), await queue.get(sent.phase)];
      expect(phaseEnd!.startedAt!.getTime()).toBeGreaterThanOrEqual(planEnd!.finishedAt!.getTime());
      expect([await db.$count(workoutPlans), await db.$count(phases)]).toEqual([1, 1]);
    });

    test("whose plan is stored gets only the phase", async ({ db, app: { queue, integration } }) => {
      const plan = newPlan();
      await (await integration.queuePlanCreate(plan)).wait();
      const sent = await integration.queuePhaseForClient(plan, newPhase(plan.planId));
      expect(sent.plan).toBeUndefined();
      await sent.phase.wait();
      expect((await queue.get(sent.phase))?.dependsOn).toEqual([]);
      expect([await db.$count(workoutPlans), await db.$count(phases)]).toEqual([1, 1]);
    });

    test("entered twice concurrently has one plan and both phases", async ({ db, app: { integration } }) => {
      const plan = newPlan();
      const sent = await Promise.all(
        [0, 1].map(() => integration.queuePhaseForClient(plan, newPhase(plan.planId))),
      );
      await Promise.all(sent.map(({ phase }) => phase.wait()));
      expect([await db.$count(workoutPlans), await db.$count(phases)]).toEqual([1, 2]);
    });
  });

  describe("a phase with a dependency", () => {
    test("runs after the plan's job, also if that has ended already", async ({ app: { integration } }) => {
      const plan = newPlan();
      const planJob = await integration.queuePlanCreate(plan);
      const early = await integration.queuePhaseCreateWithDependency(newPhase(plan.planId), planJob);
      await planJob.wait();
      const late = await integration.queuePhaseCreateWithDependency(newPhase(plan.planId), planJob.id);
      expect(await early.wait()).toMatchObject({ saved: true });
      expect(await late.wait()).toMatchObject({ saved: true });
    });

    test("is rejected if the plan's job is unknown", async ({ app: { integration } }) => {
      const phase = newPhase("plan-123");
      await expect(integration.queuePhaseCreateWithDependency(phase, "unknown")).rejects.toMatchObject({
        code: "DEPENDENCY_NOT_FOUND",
        missing: ["unknown"],
      });
    });

    test("is cancelled when the plan fails", async ({ db, app: { queue, integration } }) => {
      const { client: _, ...plan } = newPlan();
      // For an unknown client.
      const planJob = await integration.queuePlanCreate(plan, { attempts: 1 });
      const phase = await integration.queuePhaseCreateWithDependency(newPhase(plan.planId), planJob);
      await expect(phase.wait()).rejects.toMatchObject({ code: "JOB_CANCELLED" });
      expect((await queue.get(phase))?.error?.code).toBe("DEPENDENCY_FAILED");
      expect(await db.$count(phases)).toBe(0);
    });
  });

  test("a burst of changes to one plan applies in send order", async ({
    db,
    app: { queue, integration },
  }) => {
    const plan = newPlan();
    const { planId } = plan;
    const [kept, dropped] = [newPhase(planId), newPhase(planId)];
    const session = newSession(planId, kept.phaseId);
    const [squat, lunge] = [newExercise(planId, session.sessionId), newExercise(planId, session.sessionId)];
    const planJob = await integration.queuePlanCreate(plan);
    const last = [
      await integration.queuePhaseCreateWithDependency(kept, planJob),
      await integration.queuePhaseCreate(dropped),
      await integration.queueSessionCreate(session),
      await integration.queueExerciseCreate(squat),
      await integration.queueExerciseCreate(lunge),
      await integration.queuePhaseUpdate({ phaseId: kept.phaseId, planId, changes: { weeks: 6 } }),
      await integration.queueSessionUpdate({
        sessionId: session.sessionId,
        planId,
        changes: { day: 4, name: "Lower B" },
      }),
      await integration.queueExerciseUpdate({ exerciseId: squat.exerciseId, planId, changes: { sets: 3 } }),
      await integration.queueExerciseDelete({ exerciseId: lunge.exerciseId, planId }),
      await integration.queuePhaseDelete({ phaseId: dropped.phaseId, planId }),
      await queue.send(workoutUpdate, { planId, changes: { status: "completed" } }),
    ];
    await Promise.all(last.map((job) => job.wait()));
    expect(await db.select().from(workoutPlans)).toMatchObject([{ status: "completed" }]);
    expect(await db.select().from(phases)).toMatchObject([{ id: kept.phaseId, weeks: 6 }]);
    expect(await db.select().from(sessions)).toMatchObject([{ day: 4, name: "Lower B" }]);
    expect(await db.select().from(exercises)).toMatchObject([{ id: squat.exerciseId, sets: 3 }]);

    await (await integration.queueSessionDelete({ sessionId: session.sessionId, planId })).wait();
    expect([await db.$count(sessions), await db.$count(exercises)]).toEqual([0, 0]);
  });

  test("a sheet that takes several jobs is saved as a whole", async ({ db, app: { integration } }) => {
    const text = await readFile(new URL("../data/strength-12-week.csv", import.meta.url), "utf8");
    const { rows } = parseProgramme(text);
    const { planId, plan } = newFullSave();
    const parts = toFullSaves({ planId, plan }, rows, 60_000);
    const jobs = await integration.queueFullPlanSave(parts);
    expect(jobs).toHaveLength(parts.length);
    await Promise.all(jobs.map((job) => job.wait()));
    expect(await db.$count(exercises)).toBe(rows.length);
  });

  test("data that doesn't match its contract is rejected, and nothing is stored", async ({
    app: { queue, integration },
  }) => {
    const phase = { ...newPhase("plan-123"), weeks: 0 };
    await expect(integration.queuePhaseCreate(phase)).rejects.toMatchObject({
      code: "INVALID_DATA",
      issues: [{ path: "weeks" }],
    });
    expect((await queue.list()).jobs).toEqual([]);
  });

  test("a phase waits for a late plan, after 2 and 4 seconds", async ({ app }) => {
    const { queue, worker, clock, integration, waitFor } = app;
    const plan = newPlan();
    const phase = await integration.queuePhaseCreate(newPhase(plan.planId));
    expect((await waitFor(phase, "scheduled")).error?.message).toBe(`Plan ${plan.planId} doesn't exist yet`);
    await clock.advance(1_999);
    expect((await queue.get(phase))?.attempt).toBe(1);
    await clock.advance(1);
    await worker.idle();
    expect(await queue.get(phase)).toMatchObject({ state: "scheduled", attempt: 2 });

    await (await integration.queuePlanCreate(plan)).wait();
    await clock.advance(4_000);
    expect(await phase.wait()).toMatchObject({ saved: true });
    expect((await queue.get(phase))?.attempt).toBe(3);
  });

  test("an e-mail refused twice goes out with the third attempt", async ({
    app: { queue, drain, refuse, sent },
  }) => {
    refuse("451 try again later", "451 try again later");
    const job = await queue.send(email, {
      emailId: randomUUID(),
      to: ["ada@client.example"],
      subject: "Your plan",
      text: "Week 1 begins on Monday.",
    });
    await drain();
    const end = await queue.get(job);
    expect(end).toMatchObject({ state: "completed", attempt: 3 });
    expect(end!.finishedAt!.getTime() - end!.createdAt.getTime()).toBe(2_000 + 4_000);
    expect(sent).toHaveLength(1);
  });

  test("phases follow once an operator retries a plan's failed creation", async ({
    app: { queue, integration },
  }) => {
    const { client, ...plan } = newPlan();
    const planJob = await integration.queuePlanCreate(plan, { attempts: 1 });
    const phase = await queue.send(phaseCreate, newPhase(plan.planId), {
      dependsOn: [{ job: planJob, onFailure: "hold" }],
    });
    await expect(planJob.wait()).rejects.toMatchObject({ code: "JOB_FAILED" });
    expect((await queue.explain(phase)).reasons).toMatchObject([{ kind: "dependency", held: true }]);

    // Another plan inserts the client.
    await (await queue.send(planCreate, { ...newPlan(), client })).wait();
    await queue.retry(planJob);
    expect(await phase.wait()).toMatchObject({ saved: true });
  });
});
