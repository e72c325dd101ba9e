import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openMailer } from "../src/mail/mailer.ts";
import { SetupError } from "../src/setup-error.ts";
import { startMailServer } from "./mail-server.ts";

const mail = {
  id: "5d9a0a52-8a0c-4a44-9d7e-1c1f6f7a9b01",
  messageId: "<5d9a0a52-8a0c-4a44-9d7e-1c1f6f7a9b01@workout.example>",
  to: ["ada@client.example"],
  subject: "Your plan for spring: grün",
  text: "Week 1 begins on Monday.",
};

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "workout-mail-"));
});

afterEach(() => rm(directory, { recursive: true }));

describe("without an SMTP server", () => {
  test("a mail becomes one .eml file, however often it is sent", async () => {
    const mailer = openMailer({ smtpUrl: undefined, directory, from: "Planner <p@workout.example>" });
    const { answer: file } = await mailer.send(mail);
    expect(await mailer.send(mail)).toEqual({ answer: file, refusals: [] });
    mailer.close();

    expect(await readdir(directory)).toEqual([`${mail.id}.eml`]);
    const content = await readFile(file, "utf8");
    expect(content).toContain("To: ada@client.example");
    expect(content).toContain("From: Planner <p@workout.example>");
    expect(content).toContain(`Message-ID: ${mail.messageId}`);
    expect(content).toContain("Week 1 begins on Monday.");
  });
});

describe("with an SMTP server", () => {
  test("a mail is sent, and the server's reply is the receipt", async () => {
    await using server = await startMailServer();
    const mailer = openMailer({ smtpUrl: server.url });
    await mailer.check();
    expect(await mailer.send(mail)).toMatchObject({ answer: expect.stringContaining("250"), refusals: [] });
    mailer.close();

    expect(server.mails).toHaveLength(1);
    expect(server.mails[0]).toContain(`Message-ID: ${mail.messageId}`);
  });

  test("a refusal has the server's code", async () => {
    await using server = await startMailServer({ refuse: ["451 4.3.2 try again later"] });
    const mailer = openMailer({ smtpUrl: server.url });
    await expect(mailer.send(mail)).rejects.toMatchObject({ responseCode: 451, command: "RCPT TO" });
    mailer.close();
  });

  test("a refusal of one recipient is reported, and the others get the mail", async () => {
    await using server = await startMailServer({ refuse: ["550 5.1.1 no such user"] });
    const mailer = openMailer({ smtpUrl: server.url });
    const receipt = await mailer.send({ ...mail, to: ["Bob@Client.example", "ada@client.example"] });
    mailer.close();
    expect(receipt.refusals).toEqual([{ recipient: "Bob@Client.example", answer: "550 5.1.1 no such user" }]);
    expect(server.mails).toHaveLength(1);
  });

  test("an unreachable server is named without the password", async () => {
    const mailer = openMailer({ smtpUrl: "smtp://planner:secret@127.0.0.1:1" });
    const told = /^SMTP_URL: can't send mail through 127\.0\.0\.1:1: .*ECONNREFUSED/;
    for (const failing of [mailer.check(), mailer.send(mail)]) {
      const failure = await failing.catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(SetupError);
      expect(failure).toMatchObject({ message: expect.stringMatching(told), cause: { command: "CONN" } });
      expect((failure as Error).message).not.toContain("secret");
    }
    mailer.close();
  });
});
