import type { Mail, Mailer } from "../src/mail/mailer.ts";

/**
 * Keeps all mails, after it has replied with the given refusals, in the form of SMTP replies. A refusal with a
 * recipient, like `ada@client.example: 550 no such user`, applies only to that recipient.
 */
export function memoryMailer() {
  const sent: Mail[] = [];
  const refusals: string[] = [];
  const mailer: Mailer = {
    async send(mail) {
      const refusal = refusals.shift() ?? "";
      const [, recipient, answer] = /^(\S+@\S+): (.*)$/.exec(refusal) ?? [];
      if (refusal && !recipient) {
        const responseCode = Number.parseInt(refusal, 10);
        const command = responseCode === 535 ? "AUTH PLAIN" : "RCPT TO";
        throw Object.assign(new Error(refusal), { command, responseCode });
      }
      sent.push(mail);
      return { answer: "250 ok", refusals: recipient ? [{ recipient, answer: answer! }] : [] };
    },
    check: async () => undefined,
    close: () => undefined,
  };
  return { mailer, sent, refuse: (...answers: readonly string[]) => void refusals.push(...answers) };
}
