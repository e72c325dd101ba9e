import { type Handler, UnrecoverableError } from "@org/queue";
import { eq, sql } from "drizzle-orm";
import type { Database } from "../db/open.ts";
import { emailOutbox } from "../db/schema.ts";
import type { Mailer, Receipt } from "../mail/mailer.ts";
import type { email } from "../messages/email.ts";

/**
 * Sends an e-mail once, as far as possible with a mail server: a mail that `email_outbox` records as sent isn't sent
 * again. If the worker dies, times out or loses its lease between the server's reply and the record, a second copy is
 * sent with the same Message-ID, so that receivers drop it.
 *
 * The queue's inbox couldn't promise more. The mail server isn't part of the transaction of `once`, which would stay
 * open until the server replies, and whose rollback would lose the list of recipients who have the mail. The inbox also
 * works per job, while here two jobs with one `emailId` are one mail.
 *
 * If the server accepts a mail for only some recipients, the job fails and lists those that were refused. The next
 * attempt, or an operator's retry, goes only to them.
 */
export function sendEmail(db: Database, mailer: Mailer): Handler<typeof email> {
  return async ({ data: { emailId, to, ...mail }, signal, log }) => {
    const messageId = `<${emailId.replace(/[.:]/g, escapeCharacter)}@workout.example>`;
    const [entry] = await db
      .insert(emailOutbox)
      .values({ id: emailId, messageId, recipients: to, subject: mail.subject })
      .onConflictDoUpdate({ target: emailOutbox.id, set: { messageId } })
      .returning({ sentAt: emailOutbox.sentAt, accepted: emailOutbox.accepted });
    const { sentAt, accepted } = entry!;
    const left = to.filter((recipient) => !accepted.includes(recipient));
    if (sentAt || left.length === 0) return { emailId, messageId, sentNow: false };

    signal.throwIfAborted();
    const isThis = eq(emailOutbox.id, emailId);
    const tries = sql`${emailOutbox.tries} + 1`;
    let receipt: Receipt;
    try {
      receipt = await mailer.send({ id: emailId, messageId, to: left, ...mail });
    } catch (error) {
      const lastError = error instanceof Error ? error.message : String(error);
      await db.update(emailOutbox).set({ tries, lastError }).where(isThis);
      if (isRefusedForGood(error)) throw new UnrecoverableError(lastError, { cause: error });
      throw error;
    }

    const { answer, refusals } = receipt;
    const refused = new Set(refusals.map(({ recipient }) => recipient));
    const taken = left.filter((recipient) => !refused.has(recipient));
    log(`sent to ${taken.join(", ")}: ${answer}`);
    const outcome = { tries, receipt: answer, accepted: [...accepted, ...taken] };
    if (refusals.length === 0) {
      await db
        .update(emailOutbox)
        .set({ ...outcome, lastError: null, sentAt: new Date() })
        .where(isThis);
      return { emailId, messageId, sentNow: true };
    }
    const told = refusals.map((refusal) => `${refusal.recipient} (${refusal.answer})`).join(", ");
    const lastError = `${refusals.length} of ${to.length} recipients refused: ${told}`;
    await db
      .update(emailOutbox)
      .set({ ...outcome, lastError })
      .where(isThis);
    if (refusals.every((refusal) => refusal.answer.startsWith("5"))) throw new UnrecoverableError(lastError);
    throw new Error(lastError);
  };
}

/** A Message-ID must not contain a colon before its `@`, nor a dot at an end or next to another dot. */
function escapeCharacter(character: string): string {
  return `%${character.charCodeAt(0).toString(16)}`;
}

/**
 * SMTP replies 4xx for "try again later" and 5xx for "never". Only replies about recipients and content are final for
 * the mail. A refused login or sender is a deployment problem, and a retry helps once it is fixed.
 */
function isRefusedForGood(error: unknown): boolean {
  const { command, responseCode } = error as { command?: unknown; responseCode?: unknown };
  const isAboutMail = command === "RCPT TO" || command === "DATA";
  return isAboutMail && typeof responseCode === "number" && responseCode >= 500;
}
