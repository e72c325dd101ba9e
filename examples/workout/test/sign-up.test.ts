import { memoryEngine } from "@org/queue";
import { describe, expect, onTestFinished } from "vitest";
import type { Database, OpenedDatabase } from "../src/db/open.ts";
import { clients, emailOutbox, phases, workoutPlans } from "../src/db/schema.ts";
import { openQueue } from "../src/queue.ts";
import { type SignUp, WorkoutQueueIntegration } from "../src/queue-integration.ts";
import { createWorkoutWorker } from "../src/worker.ts";
import { DRIVERS, testOn } from "./databases.ts";
import { memoryMailer } from "./memory-mailer.ts";
import { newPhase, newPlan } from "./plan-data.ts";

function newSignUp(clientId: string): SignUp {
  const { clientId: _, client: __, ...plan } = newPlan();
  return { clientId, contact: { name: clientId, email: `${clientId}@client.example` }, plan };
}

/** The app without a worker, like a process that only sends. */
function openApp(database: OpenedDatabase) {
  const { mailer, sent } = memoryMailer();
  const engine = memoryEngine();
  const queue = openQueue(engine, database);
  const worker = createWorkoutWorker(queue, { db: database.db, mailer });
  return {
    queue,
    worker,
    sent,
    integration: new WorkoutQueueIntegration({ queue, db: database.db }),
    async close() {
      await worker.stop();
      await queue.close();
      await engine.core.close();
    },
  };
}

const rows = (db: Database) =>
  Promise.all([clients, workoutPlans, emailOutbox].map((table) => db.$count(table)));

describe.each(DRIVERS)("a sign-up on %s", (driver) => {
  const testWithoutApp = testOn(driver);
  const test = testWithoutApp.extend("app", async ({ database }, { onCleanup }) => {
    const app = openApp(database);
    onCleanup(app.close);
    await app.worker.start();
    return app;
  });

  test("that is committed stores the client and the plan, then sends the welcome", async ({ db, app }) => {
    const signUp = newSignUp("dora");
    const jobs = await app.integration.signUpClient(signUp, { userId: "trainer-1" });
    expect(await jobs!.welcome.wait()).toMatchObject({ sentNow: true });
    expect(await app.queue.get(jobs!.welcome)).toMatchObject({
      userId: "trainer-1",
      dependsOn: [{ job: jobs!.plan.id }],
    });
    expect(await db.select().from(clients)).toMatchObject([{ id: "dora", email: "dora@client.example" }]);
    expect(await db.select().from(workoutPlans)).toMatchObject([
      { id: signUp.plan.planId, clientId: "dora" },
    ]);
    expect(app.sent).toMatchObject([{ to: ["dora@client.example"] }]);
  });

  test("that is rolled back leaves no row, and sends nothing", async ({ db, app: { queue, ...app } }) => {
    const rolledBack = db.transaction(async (tx) => {
      expect(await app.integration.signUpClient(newSignUp("eve"), { tx })).not.toBeNull();
      throw new Error("declined");
    });
    await expect(rolledBack).rejects.toThrow("declined");

    // Jobs arrive in send order, so the other one would be there by now.
    const later = await app.integration.signUpClient(newSignUp("dora"));
    await later!.welcome.wait();
    const { jobs } = await queue.list();
    expect(jobs.map(({ id }) => id).toSorted()).toEqual([later!.plan.id, later!.welcome.id].toSorted());
    expect(app.sent).toMatchObject([{ to: ["dora@client.example"] }]);
    expect(await rows(db)).toEqual([1, 1, 1]);
  });

  test("whose e-mail can't be sent stores no client", async ({ db, app: { queue, integration } }) => {
    const { contact, ...signUp } = newSignUp("eve");
    const refused = integration.signUpClient({ ...signUp, contact: { ...contact, email: "nowhere" } });
    await expect(refused).rejects.toMatchObject({ code: "INVALID_DATA" });
    expect(await rows(db)).toEqual([0, 0, 0]);
    expect((await queue.list()).jobs).toEqual([]);
  });

  test("that comes twice, even concurrently, counts once", async ({ db, app: { queue, ...app } }) => {
    const signUps = [0, 1].map(() => app.integration.signUpClient(newSignUp("dora")));
    const [jobs, ...others] = (await Promise.all(signUps)).filter((outcome) => outcome !== null);
    expect(others).toEqual([]);
    expect(await app.integration.signUpClient(newSignUp("dora"))).toBeNull();
    await jobs!.welcome.wait();
    expect((await queue.list()).jobs).toHaveLength(2);
    expect(await rows(db)).toEqual([1, 1, 1]);
  });

  test("can be followed at once by a dependent of its plan", async ({ db, app: { integration } }) => {
    const signUp = newSignUp("dora");
    const jobs = await integration.signUpClient(signUp);
    // The plan's job may not be in the queue yet. Through the database it arrives before its phase.
    const phase = await db.transaction((tx) =>
      integration.queuePhaseCreateWithDependency(newPhase(signUp.plan.planId), jobs!.plan, { tx }),
    );
    expect(await phase.wait()).toMatchObject({ saved: true });
    expect(await db.$count(phases)).toBe(1);
  });

  testWithoutApp(
    "survives the process that sent it: the next worker does the rest",
    async ({ db, database }) => {
      const sender = openApp(database);
      await sender.integration.signUpClient(newSignUp("dora"));
      await sender.close();
      expect(await rows(db)).toEqual([1, 0, 0]);

      const { worker, queue, sent, close } = openApp(database);
      onTestFinished(close);
      const mailed = Promise.withResolvers<void>();
      await queue.subscribe(() => mailed.resolve(), { types: ["completed"], messages: ["EMAIL"] });
      await worker.start();
      await mailed.promise;
      expect(await rows(db)).toEqual([1, 1, 1]);
      expect(sent).toHaveLength(1);
    },
  );
});
