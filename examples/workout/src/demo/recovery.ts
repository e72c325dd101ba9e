import { randomUUID } from "node:crypto";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { emailOutbox } from "../db/schema.ts";
import { email } from "../messages/email.ts";
import type { Stage } from "./stage.ts";

export const REFUSALS = 2;
export const refusedAddress = (run: string) => `busy-${run}@client.example`;

/** Sends an e-mail whose first two attempts will fail. Returns a function that waits for the end and checks it. */
export async function startMailToABusyServer(stage: Stage): Promise<() => Promise<void>> {
  const { queue, report, run, track } = stage;
  report.scene("An e-mail to a busy mail server");
  const emailId = randomUUID();
  const job = track(
    "e-mail, refused twice",
    await queue.send(email, {
      emailId,
      to: [refusedAddress(run)],
      subject: "Your programme is ready",
      text: "Have a look at your first four weeks.",
    }),
  );
  report.say(
    `It will be refused ${REFUSALS} times, and retried after 2 s and 4 s. Other work continues meanwhile.`,
  );
  return () => checkRecovery(stage, job.id, emailId);
}

async function checkRecovery(stage: Stage, id: string, emailId: string): Promise<void> {
  const { queue, report, mailDirectory } = stage;
  report.scene("The e-mail to the busy mail server, again");
  report.say((await queue.explain(id)).summary);
  await queue.wait(id, { timeout: "30s" });
  const job = await queue.get(id);
  report.expect("it went out with the third attempt", [job?.state, job?.attempt], ["completed", 3]);
  const starts = [...(job?.failures ?? []).map(({ startedAt }) => startedAt), job!.startedAt!];
  const pauses = starts.slice(1).map((start, index) => start.getTime() - starts[index]!.getTime());
  const seconds = pauses.map((pause) => `${(pause / 1_000).toFixed(1)} s`).join(" and ");
  report.expect(
    `it waited ${seconds} between them`,
    [pauses[0]! >= 2_000, pauses[1]! >= 4_000],
    [true, true],
  );

  const [entry] = await stage.db.select().from(emailOutbox).where(eq(emailOutbox.id, emailId));
  report.expect(
    "email_outbox has three tries, the last one successful",
    [entry?.tries, entry?.lastError],
    [3, null],
  );
  if (process.env.SMTP_URL === undefined) {
    const file = join(mailDirectory, `${emailId}.eml`);
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    report.expect(`it is in ${file}`, isThere, true);
  }
  stage.expectRows({ "e-mails": 1 });
}
