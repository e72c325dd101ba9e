import type { Mail, Mailer } from "../src/mail/mailer.ts";

/** Keeps what it is given, unless it was told to refuse first, with answers as SMTP servers give them. */
export function memoryMailer() {
  const sent: Mail[] = [];
  const refusals: string[] = [];
  const mailer: Mailer = {
    async send(mail) {
      const refusal = refusals.shift();
      if (refusal) throw Object.assign(new Error(refusal), { responseCode: Number.parseInt(refusal, 10) });
      sent.push(mail);
      return "250 ok";
    },
    close: () => undefined,
  };
  return { mailer, sent, refuse: (...answers: readonly string[]) => void refusals.push(...answers) };
}
