import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Mail, Mailer } from "../mail/mailer.ts";

export interface FrontMailServer {
  readonly url: string;
  close(): void;
}

/** A mail server in front of a mailer, for a worker in another process. It refuses what the mailer refuses. */
export async function startFrontMailServer(mailer: Mailer): Promise<FrontMailServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    converse(socket, mailer).catch((error: Error) => socket.destroy(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The part of SMTP that nodemailer needs. */
async function converse(socket: Socket, mailer: Mailer): Promise<void> {
  const answer = (line: string) => socket.write(`${line}\r\n`);
  let to: string[] = [];
  let content: string[] | undefined;
  answer("220 the demo's mail server");
  for await (const line of createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (content !== undefined) {
      if (line !== ".") content.push(line.replace(/^\./, ""));
      else {
        answer(await deliver(mailer, to, content));
        [to, content] = [[], undefined];
      }
    } else if (/^RCPT TO:/i.test(line)) {
      to.push(/<(.*)>/.exec(line)?.[1] ?? "");
      answer("250 ok");
    } else if (/^DATA/i.test(line)) {
      content = [];
      answer("354 go on");
    } else if (/^QUIT/i.test(line)) socket.end("221 bye\r\n");
    else answer("250 ok");
  }
}

async function deliver(mailer: Mailer, to: readonly string[], content: readonly string[]): Promise<string> {
  try {
    const receipt = await mailer.send(readMail(to, content));
    return `250 ${receipt.answer}`;
  } catch (error) {
    return error instanceof Error && /^[45]\d\d /.test(error.message) ? error.message : `451 ${error}`;
  }
}

/** The demo's mails are short ASCII text, so nothing is encoded. */
function readMail(to: readonly string[], content: readonly string[]): Mail {
  const end = content.indexOf("");
  const head = content.slice(0, end).join("\n");
  const header = (name: string) => new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1] ?? "";
  const messageId = header("Message-ID");
  return {
    id: /^<(.*)@/.exec(messageId)?.[1] ?? "",
    messageId,
    to,
    subject: header("Subject"),
    text: content.slice(end + 1).join("\n"),
  };
}
