import { randomUUID } from "node:crypto";
import { isQueueError } from "@org/queue/contract";
import { describe, expect } from "vitest";
import { emailOutbox, notifications, syncRuns, userActions } from "../src/db/schema.ts";
import { syncTrainingVolumes } from "../src/handlers/data-sync-handler.ts";
import { sendEmail } from "../src/handlers/email-handler.ts";
import { createExercise } from "../src/handlers/exercise-handlers.ts";
import { createPhase } from "../src/handlers/phase-handlers.ts";
import { createPlan } from "../src/handlers/plan-handlers.ts";
import { recordNotification, recordUserAction } from "../src/handlers/record-handlers.ts";
import { createSession } from "../src/handlers/session-handlers.ts";
import { runTest } from "../src/handlers/test-handler.ts";
import { DRIVERS, testOn } from "./databases.ts";
import { deliver } from "./deliver.ts";
import { memoryMailer } from "./memory-mailer.ts";
import { newExercise, newPhase, newPlan, newSession } from "./plan-data.ts";

const newMail = () => ({
  emailId: randomUUID(),
  to: ["ada@client.example"],
  subject: "Your plan",
  text: "Week 1 begins on Monday.",
});

describe.each(DRIVERS)("on %s", (driver) => {
  const test = testOn(driver);

  describe("EMAIL", () => {
    test("delivered twice is sent once", async ({ db }) => {
      const { mailer, sent } = memoryMailer();
      const mail = newMail();
      expect((await deliver(sendEmail(db, mailer), mail)).result.sentNow).toBe(true);
      expect((await deliver(sendEmail(db, mailer), mail)).result.sentNow).toBe(false);
      expect(sent).toHaveLength(1);
      expect(await db.select().from(emailOutbox)).toMatchObject([
        { id: mail.emailId, messageId: `<${mail.emailId}@workout.example>`, tries: 1, receipt: "250 ok" },
      ]);
    });

    test("gets a valid Message-ID, whatever its id", async ({ db }) => {
      const { mailer } = memoryMailer();
      const { result } = await deliver(sendEmail(db, mailer), { ...newMail(), emailId: ".welcome:ada..1" });
      expect(result).toMatchObject({
        emailId: ".welcome:ada..1",
        messageId: "<%2ewelcome%3aada%2e%2e1@workout.example>",
      });
    });

    test("that the server refuses temporarily is recorded and retried", async ({ db }) => {
      const { mailer, sent, refuse } = memoryMailer();
      refuse("451 try again later");
      const mail = newMail();
      await expect(deliver(sendEmail(db, mailer), mail)).rejects.toThrow("451 try again later");
      expect(await db.select().from(emailOutbox)).toMatchObject([
        { tries: 1, lastError: "451 try again later", sentAt: null },
      ]);
      await deliver(sendEmail(db, mailer), mail, { fence: 2 });
      expect(sent).toHaveLength(1);
      expect(await db.select().from(emailOutbox)).toMatchObject([
        { tries: 2, lastError: null, sentAt: expect.any(Date) },
      ]);
    });

    test("that the server refuses permanently fails at once", async ({ db }) => {
      const { mailer, refuse } = memoryMailer();
      refuse("550 no such user");
      const failure = await deliver(sendEmail(db, mailer), newMail()).catch((error: unknown) => error);
      expect(isQueueError(failure, "UNRECOVERABLE")).toBe(true);
    });

    test("that the server refuses for one recipient fails, and is retried for that one", async ({ db }) => {
      const { mailer, sent, refuse } = memoryMailer();
      const mail = { ...newMail(), to: ["ada@client.example", "bob@client.example"] };
      refuse("bob@client.example: 450 mailbox busy", "bob@client.example: 550 no such user");
      const later = await deliver(sendEmail(db, mailer), mail).catch((error: unknown) => error);
      const told = "1 of 2 recipients refused: bob@client.example (450 mailbox busy)";
      expect(later).toMatchObject({ message: told });
      expect(isQueueError(later)).toBe(false);
      expect(await db.select().from(emailOutbox)).toMatchObject([
        { accepted: ["ada@client.example"], lastError: told, sentAt: null },
      ]);

      const never = await deliver(sendEmail(db, mailer), mail).catch((error: unknown) => error);
      expect(isQueueError(never, "UNRECOVERABLE")).toBe(true);

      // Now the address exists, and an operator retries the job.
      expect((await deliver(sendEmail(db, mailer), mail)).result.sentNow).toBe(true);
      expect(sent.map(({ to }) => to)).toEqual([mail.to, ["bob@client.example"], ["bob@client.example"]]);
      expect(await db.select().from(emailOutbox)).toMatchObject([
        { accepted: mail.to, lastError: null, sentAt: expect.any(Date) },
      ]);
    });

    test("is retried if the server refuses the login", async ({ db }) => {
      const { mailer, refuse } = memoryMailer();
      refuse("535 bad credentials");
      const failure = await deliver(sendEmail(db, mailer), newMail()).catch((error: unknown) => error);
      expect(failure).toMatchObject({ message: "535 bad credentials" });
      expect(isQueueError(failure)).toBe(false);
    });
  });

  describe("NOTIFICATION and USER_ACTION", () => {
    test("delivered twice are recorded once", async ({ db }) => {
      const note = { notificationId: randomUUID(), userId: "ada", title: "New plan", body: "Have a look" };
      const action = {
        actionId: randomUUID(),
        userId: "ada",
        action: "plan.opened",
        occurredAt: "2026-11-02T08:00:00.000Z",
        details: { week: 3, first: true },
      };
      for (let delivery = 0; delivery < 2; delivery++) {
        await deliver(recordNotification(db), { ...note, kind: "plan" as const });
        await deliver(recordUserAction(db), action);
      }
      expect(await db.select().from(notifications)).toMatchObject([
        { id: note.notificationId, kind: "plan" },
      ]);
      expect(await db.select().from(userActions)).toMatchObject([
        { details: { week: 3, first: true }, occurredAt: new Date("2026-11-02T08:00:00.000Z") },
      ]);
    });
  });

  describe("NOTIFICATION", () => {
    const newNotice = () => ({
      notificationId: randomUUID(),
      userId: "ada",
      kind: "plan" as const,
      title: "New plan",
      body: "Have a look",
    });

    test("delivered again doesn't bring back a deleted notification", async ({ db }) => {
      const notice = newNotice();
      await deliver(recordNotification(db), notice);
      await db.delete(notifications);
      await deliver(recordNotification(db), notice, { attempt: 2, fence: 2 });
      expect(await db.$count(notifications)).toBe(0);
    });

    test("sent twice, as two jobs, is recorded once", async ({ db }) => {
      const notice = newNotice();
      await deliver(recordNotification(db), notice, { sentAt: 1_000 });
      await deliver(recordNotification(db), notice, { sentAt: 2_000 });
      expect(await db.$count(notifications)).toBe(1);
    });

    test("that two workers handle concurrently is recorded once", async ({ db }) => {
      const notice = newNotice();
      await Promise.all([1, 2].map((fence) => deliver(recordNotification(db), notice, { fence })));
      expect(await db.select().from(notifications)).toMatchObject([{ id: notice.notificationId }]);
    });
  });

  describe("DATA_SYNC", () => {
    test("adds up each client's training", async ({ db }) => {
      const plan = newPlan();
      const phase = newPhase(plan.planId);
      const session = newSession(plan.planId, phase.phaseId);
      const exercise = newExercise(plan.planId, session.sessionId);
      await deliver(createPlan(db), plan);
      await deliver(createPhase(db), phase);
      await deliver(createSession(db), session);
      await deliver(createExercise(db), exercise);
      await deliver(createExercise(db), {
        ...newExercise(plan.planId, session.sessionId),
        sets: 3,
        reps: { unit: "reps", low: 8, high: 10, perSide: true },
        load: { kind: "percent", percent: 60 },
      });
      await deliver(createExercise(db), {
        ...newExercise(plan.planId, session.sessionId),
        sets: 2,
        reps: { unit: "seconds", low: 30 },
        load: undefined,
      });
      await deliver(createPlan(db), {
        ...newPlan(),
        clientId: "bob",
        client: { name: "Bob", email: "bob@client.example" },
      });

      const syncId = randomUUID();
      const { result, progress } = await deliver(syncTrainingVolumes(db), { syncId });
      expect(result).toEqual({ syncId, clients: 2, exercises: 3, sets: 10 });
      expect(progress).toEqual([
        { clients: 1, of: 2 },
        { clients: 2, of: 2 },
      ]);
      const [run] = await db.select().from(syncRuns);
      expect(run).toMatchObject({ id: syncId, finished: true, clientsTotal: 2 });
      expect(run?.volumes).toEqual([
        // 5 × 5 and 3 × 10 a side; (5 × 75 % + 3 × 60 %) / 8.
        { clientId: "ada", plans: 1, sessions: 1, exercises: 3, sets: 10, reps: 85, meanIntensity: 69.4 },
        { clientId: "bob", plans: 1, sessions: 0, exercises: 0, sets: 0, reps: 0, meanIntensity: null },
      ]);
    });

    test("delivered twice leaves one run, which an earlier claim can't overwrite", async ({ db }) => {
      await deliver(createPlan(db), newPlan());
      const syncId = randomUUID();
      await deliver(syncTrainingVolumes(db), { syncId }, { fence: 2 });
      await expect(deliver(syncTrainingVolumes(db), { syncId }, { fence: 1 })).rejects.toThrow(
        "Another worker has taken over",
      );
      await deliver(syncTrainingVolumes(db), { syncId }, { fence: 3 });
      expect(await db.select().from(syncRuns)).toMatchObject([{ epoch: 3, finished: true }]);
    });

    test("for an unknown client is unrecoverable", async ({ db }) => {
      const run = deliver(syncTrainingVolumes(db), { syncId: randomUUID(), clientId: "nobody" });
      await expect(run).rejects.toMatchObject({ code: "UNRECOVERABLE" });
    });
  });

  describe("TEST", () => {
    test("fails as often as its data says, then succeeds", async ({ db }) => {
      const data = { note: "hello", failures: 1 };
      await expect(deliver(runTest(db), data, { attempt: 1 })).rejects.toThrow("attempt 1 of 1");
      expect((await deliver(runTest(db), data, { attempt: 2 })).result).toEqual({
        note: "hello",
        attempt: 2,
        pid: process.pid,
        from: expect.any(Number),
        to: expect.any(Number),
      });
      await expect(deliver(runTest(db), { note: "no", hopeless: true })).rejects.toMatchObject({
        code: "UNRECOVERABLE",
      });
    });

    test("notifies once, however many attempts it has", async ({ db }) => {
      const data = { note: "twice", notify: "ada", failures: 1 };
      await expect(deliver(runTest(db), data, { attempt: 1 })).rejects.toThrow("attempt 1 of 1");
      await deliver(runTest(db), data, { attempt: 2, fence: 2 });
      expect(await db.select().from(notifications)).toMatchObject([{ userId: "ada", title: "twice" }]);
    });

    test("stops when its signal fires", async ({ db }) => {
      const told = new AbortController();
      const run = deliver(runTest(db), { note: "long", takesMs: 60_000 }, { signal: told.signal });
      told.abort(new Error("stop"));
      await expect(run).rejects.toThrow("stop");
    });
  });
});
