import { type Handler, UnrecoverableError } from "@org/queue";
import { eq, sql } from "drizzle-orm";
import type { Database } from "../db/open.ts";
import { emailOutbox } from "../db/schema.ts";
import type { Mailer } from "../mail/mailer.ts";
import type { email } from "../messages/email.ts";

/**
 * Sends an e-mail once, as far as a mail server lets one: a mail that the outbox knows as sent isn't sent
 * again. A crash between the server's answer and the outbox's note sends a second copy, with the same
 * Message-ID, by which receivers drop it.
 */
export function sendEmail(db: Database, mailer: Mailer): Handler<typeof email> {
  return async ({ data: { emailId, to, ...mail }, signal, log }) => {
    const messageId = `<${emailId}@workout.example>`;
    const [entry] = await db
      .insert(emailOutbox)
      .values({ id: emailId, messageId, recipients: to, subject: mail.subject })
      .onConflictDoUpdate({ target: emailOutbox.id, set: { messageId } })
      .returning({ sentAt: emailOutbox.sentAt });
    if (entry?.sentAt) return { emailId, messageId, sentNow: false };

    signal.throwIfAborted();
    const isThis = eq(emailOutbox.id, emailId);
    const tries = sql`${emailOutbox.tries} + 1`;
    let receipt: string;
    try {
      receipt = await mailer.send({ id: emailId, messageId, to, ...mail });
    } catch (error) {
      const lastError = error instanceof Error ? error.message : String(error);
      await db.update(emailOutbox).set({ tries, lastError }).where(isThis);
      if (isRefusedForGood(error)) throw new UnrecoverableError(lastError, { cause: error });
      throw error;
    }
    await db.update(emailOutbox).set({ tries, receipt, lastError: null, sentAt: new Date() }).where(isThis);
    log(`sent to ${to.join(", ")}: ${receipt}`);
    return { emailId, messageId, sentNow: true };
  };
}

/** SMTP answers 4xx for "try again later" and 5xx for "never". */
function isRefusedForGood(error: unknown): boolean {
  const { responseCode } = error as { responseCode?: unknown };
  return typeof responseCode === "number" && responseCode >= 500;
}
