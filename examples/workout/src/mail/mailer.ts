import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransport, type NodemailerError } from "nodemailer";
import { reasonOf, SetupError } from "../setup-error.ts";

export interface Mail {
  /** Unique and stable. The name of the file, and how receivers recognise a second delivery. */
  readonly id: string;
  readonly messageId: string;
  readonly to: readonly string[];
  readonly replyTo?: string | undefined;
  readonly subject: string;
  readonly text: string;
  readonly html?: string | undefined;
}

export interface Receipt {
  /** The reply of the mail server, or the path of the file. */
  readonly answer: string;
  /** Recipients that the server refused, while it accepted others. */
  readonly refusals: readonly Refusal[];
}

export interface Refusal {
  /** As in the mail. */
  readonly recipient: string;
  /** Begins with the server's reply code. */
  readonly answer: string;
}

export interface Mailer {
  /** Rejects if the mail was accepted for no recipient. */
  send(mail: Mail): Promise<Receipt>;
  /** Rejects with a `SetupError` if the configuration can't send mail. */
  check(): Promise<void>;
  close(): void;
}

export interface MailerOptions {
  /** @default process.env.SMTP_URL */
  readonly smtpUrl?: string | undefined;
  /** The directory for .eml files without an SMTP server. @default process.env.MAIL_DIR ?? ".data/mail" */
  readonly directory?: string | undefined;
  /** @default process.env.MAIL_FROM ?? "Workout planner <planner@workout.example>" */
  readonly from?: string | undefined;
}

/** Sends by SMTP if there is a server, otherwise writes each mail to a file that any mail program opens. */
export function openMailer({
  smtpUrl = process.env.SMTP_URL,
  directory = process.env.MAIL_DIR ?? join(".data", "mail"),
  from = process.env.MAIL_FROM ?? "Workout planner <planner@workout.example>",
}: MailerOptions = {}): Mailer {
  return smtpUrl ? smtpMailer(smtpUrl, from) : fileMailer(directory, from);
}

function smtpMailer(url: string, from: string): Mailer {
  if (!URL.canParse(url)) throw new SetupError("SMTP_URL isn't a URL like smtp://user:password@host:587");
  const { host } = new URL(url);
  const timeouts = {
    dnsTimeout: 4_000,
    connectionTimeout: 4_000,
    greetingTimeout: 4_000,
    socketTimeout: 30_000,
  };
  const transport = createTransport({ url, ...timeouts }, { from });
  return {
    async send(mail) {
      const { response, rejectedErrors = [] } = await transport
        .sendMail(toNodemailer(mail))
        .catch((error) => rethrow(error, host));
      return { answer: response, refusals: rejectedErrors.map((error) => toRefusal(error, mail.to)) };
    },
    async check() {
      await transport.verify().catch((error) => rethrow(error, host));
    },
    close: () => transport.close(),
  };
}

/** Names the server if it is unreachable or rejects the login. */
function rethrow(error: unknown, host: string): never {
  const { command = "" } = error as { command?: string };
  if (!/^(CONN|AUTH)/.test(command)) throw error;
  throw new SetupError(`SMTP_URL: can't send mail through ${host}: ${reasonOf(error)}`, { cause: error });
}

/** The recipient in the server's reply may differ in case. */
function toRefusal(error: NodemailerError, to: readonly string[]): Refusal {
  const { recipient = "", response } = error;
  const isSame = (other: string) => other.toLowerCase() === recipient.toLowerCase();
  return { recipient: to.find(isSame) ?? recipient, answer: response ?? error.message };
}

function fileMailer(directory: string, from: string): Mailer {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: "unix" }, { from });
  return {
    async send(mail) {
      const { message } = await transport.sendMail(toNodemailer(mail));
      await mkdir(directory, { recursive: true });
      const file = join(directory, `${mail.id}.eml`);
      // Written to a draft and renamed, so that readers never see half a mail.
      const draft = `${file}.${randomUUID()}`;
      try {
        await writeFile(draft, message as Buffer);
        await rename(draft, file);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      return { answer: file, refusals: [] };
    },
    check: async () => undefined,
    close: () => transport.close(),
  };
}

function toNodemailer({ messageId, to, replyTo, subject, text, html }: Mail) {
  return { messageId, to: [...to], replyTo, subject, text, html };
}
