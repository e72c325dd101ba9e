import { randomUUID } from "node:crypto";
import { isQueueError } from "@org/queue";
import { and, eq, isNotNull } from "drizzle-orm";
import { emailOutbox, notifications, sessions } from "../db/schema.ts";
import { email } from "../messages/email.ts";
import { notification } from "../messages/notification.ts";
import { sessionCreate } from "../messages/session.ts";
import type { Client } from "./new-client.ts";
import type { Stage } from "./stage.ts";

const newNotification = (userId: string, title: string) => ({
  notificationId: randomUUID(),
  userId,
  kind: "session" as const,
  title,
  body: "",
});

/** A dependency on a job that has already completed is satisfied. */
export async function dependOnFinishedJob(stage: Stage, client: Client): Promise<void> {
  const { queue, report, track } = stage;
  report.scene("A dependency on a job that has already completed");
  const planEnd = (await queue.get(client.planJob))!;
  // Paused, so that the job stays as it was stored.
  await queue.pause("notifications");
  const late = track(
    "welcome",
    await queue.send(notification, newNotification(client.clientId, "Welcome"), {
      dependsOn: [client.planJob],
    }),
  );
  const job = (await queue.get(late))!;
  report.expect(
    "the plan's job had completed before this one was sent",
    planEnd.finishedAt! <= job.createdAt,
    true,
  );
  report.expect("so it is queued at once, not blocked", job.state, "queued");
  await queue.resume("notifications");
  await late.wait();
  stage.expectRows({ notifications: 1 });
}

/** A job that fails, and its dependents under each policy. */
export async function dependOnFailingJob(stage: Stage, { clientId, planId }: Client): Promise<void> {
  const { queue, integration, db, report, run, track } = stage;
  report.scene("A dependency on a job that fails, with each policy");
  const phaseId = `${planId}-phase-2`;
  const sessionId = `${phaseId}-session-0`;
  const emailId = randomUUID();
  const ifCancelled = newNotification(clientId, "New session");
  const ifRun = newNotification(`trainer-${run}`, "Session handled, well or not");
  const rowsOf = ({ notificationId }: { notificationId: string }) =>
    db.$count(notifications, eq(notifications.id, notificationId));
  const sentMails = () =>
    db.$count(emailOutbox, and(eq(emailOutbox.id, emailId), isNotNull(emailOutbox.sentAt)));
  const [session, cancelled, ran, held] = await queue.sendMany([
    {
      ref: "session",
      message: sessionCreate,
      data: { sessionId, planId, phaseId, week: 9, day: 1, name: "Lower A", type: "strength" },
    },
    {
      message: notification,
      data: ifCancelled,
      options: { dependsOn: [{ ref: "session", onFailure: "cancel" }] },
    },
    {
      message: notification,
      data: ifRun,
      options: { dependsOn: [{ ref: "session", onFailure: "run" }] },
    },
    {
      message: email,
      data: {
        emailId,
        to: [`${clientId}@client.example`],
        subject: "New session",
        text: "Lower A, on Monday of week 9.",
      },
      options: { dependsOn: [{ ref: "session", onFailure: "hold" }] },
    },
  ]);
  track("session of a missing phase", session);
  track("if it fails: cancel", cancelled);
  track("if it fails: run", ran);
  track("if it fails: hold", held);

  const failure = await session.wait().catch((error: unknown) => error);
  report.say(isQueueError(failure) ? failure.message : String(failure));
  report.expect(
    "the session fails, because its phase doesn't exist",
    isQueueError(failure, "JOB_FAILED"),
    true,
  );
  await ran.wait();
  const cancelledJob = await queue.get(cancelled);
  report.expect("policy cancel: cancelled, with the reason", cancelledJob?.error?.code, "DEPENDENCY_FAILED");
  report.expect("policy run: ran anyway, and stored its row", await rowsOf(ifRun), 1);
  report.expect(
    "policy hold: still blocked, and no e-mail sent",
    [(await queue.get(held))?.state, await sentMails()],
    ["blocked", 0],
  );
  report.say((await queue.explain(held)).summary);

  report.say("The trainer adds the phase, and an operator retries the session.");
  const phase = { phaseId, planId, position: 2, name: "Peak", startWeek: 9, weeks: 4 };
  const phaseJob = track("the missing phase", await integration.queuePhaseCreate(phase));
  await phaseJob.wait();
  await queue.retry(session);
  await Promise.all([session.wait(), held.wait()]);
  const inPhase = and(eq(sessions.id, sessionId), eq(sessions.phaseId, phaseId));
  report.expect("the session is stored now, in its phase", await db.$count(sessions, inPhase), 1);
  report.expect("and the held e-mail went out", await sentMails(), 1);
  report.expect(
    "the cancelled one stays cancelled, without a row",
    [(await queue.get(cancelled))?.state, await rowsOf(ifCancelled)],
    ["cancelled", 0],
  );
  stage.expectRows({ phases: 1, sessions: 1, notifications: 1, "e-mails": 1 });
}
