import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransport } from "nodemailer";

export interface Mail {
  /** Unique and stable: names the file, and lets receivers recognise a second delivery. */
  readonly id: string;
  readonly messageId: string;
  readonly to: readonly string[];
  readonly replyTo?: string | undefined;
  readonly subject: string;
  readonly text: string;
  readonly html?: string | undefined;
}

export interface Mailer {
  /** Answers what the mail server, or the disk, said. Rejects when the mail was not taken. */
  send(mail: Mail): Promise<string>;
  close(): void;
}

export interface MailerOptions {
  /** @default process.env.SMTP_URL */
  readonly smtpUrl?: string | undefined;
  /** Where mails go as .eml files when there is no SMTP server. @default process.env.MAIL_DIR ?? ".data/mail" */
  readonly directory?: string | undefined;
  /** @default process.env.MAIL_FROM ?? "Workout planner <planner@workout.example>" */
  readonly from?: string | undefined;
}

/** Sends by SMTP where a server is named, else writes each mail to a file that any mail program opens. */
export function openMailer({
  smtpUrl = process.env.SMTP_URL,
  directory = process.env.MAIL_DIR ?? join(".data", "mail"),
  from = process.env.MAIL_FROM ?? "Workout planner <planner@workout.example>",
}: MailerOptions = {}): Mailer {
  return smtpUrl ? smtpMailer(smtpUrl, from) : fileMailer(directory, from);
}

function smtpMailer(url: string, from: string): Mailer {
  const timeouts = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 };
  const transport = createTransport({ url, ...timeouts }, { from });
  return {
    async send(mail) {
      const { response } = await transport.sendMail(toNodemailer(mail));
      return response;
    },
    close: () => transport.close(),
  };
}

function fileMailer(directory: string, from: string): Mailer {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: "unix" }, { from });
  return {
    async send(mail) {
      const { message } = await transport.sendMail(toNodemailer(mail));
      await mkdir(directory, { recursive: true });
      const file = join(directory, `${mail.id}.eml`);
      // Written beside and renamed, so that a reader never sees half a mail.
      const draft = `${file}.${randomUUID()}`;
      try {
        await writeFile(draft, message as Buffer);
        await rename(draft, file);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      return file;
    },
    close: () => transport.close(),
  };
}

function toNodemailer({ messageId, to, replyTo, subject, text, html }: Mail) {
  return { messageId, to: [...to], replyTo, subject, text, html };
}
