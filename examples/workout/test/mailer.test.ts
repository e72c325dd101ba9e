import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openMailer } from "../src/mail/mailer.ts";
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
    const file = await mailer.send(mail);
    expect(await mailer.send(mail)).toBe(file);
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
  test("a mail is handed over, and the server's answer is the receipt", async () => {
    await using server = await startMailServer();
    const mailer = openMailer({ smtpUrl: server.url });
    expect(await mailer.send(mail)).toContain("250");
    mailer.close();

    expect(server.mails).toHaveLength(1);
    expect(server.mails[0]).toContain(`Message-ID: ${mail.messageId}`);
  });

  test("a refusal carries the server's code", async () => {
    await using server = await startMailServer({ refuse: ["451 4.3.2 try again later"] });
    const mailer = openMailer({ smtpUrl: server.url });
    await expect(mailer.send(mail)).rejects.toMatchObject({ responseCode: 451 });
    mailer.close();
  });
});
