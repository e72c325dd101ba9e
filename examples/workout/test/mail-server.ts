import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

export interface MailServer extends AsyncDisposable {
  readonly url: string;
  /** Accepted mails, including headers. */
  readonly mails: readonly string[];
}

/** A mail server with just enough SMTP. First it replies with `refuse`, one per recipient. */
export async function startMailServer({
  refuse = [],
}: {
  refuse?: readonly string[];
} = {}): Promise<MailServer> {
  const mails: string[] = [];
  const refusals = [...refuse];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    converse(socket, () => refusals.shift(), mails);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function converse(socket: Socket, nextRefusal: () => string | undefined, mails: string[]): void {
  const answer = (line: string) => socket.write(`${line}\r\n`);
  let received = "";
  let body: string | undefined;
  socket.setEncoding("utf8");
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: string) => {
    received += chunk;
    for (;;) {
      const end = body === undefined ? received.indexOf("\r\n") : received.indexOf("\r\n.\r\n");
      if (end < 0) return;
      const part = received.slice(0, end);
      received = received.slice(end + (body === undefined ? 2 : 5));
      if (body !== undefined) {
        mails.push(part);
        body = undefined;
        answer("250 2.0.0 accepted");
      } else if (/^DATA/i.test(part)) {
        body = "";
        answer("354 go on");
      } else if (/^QUIT/i.test(part)) socket.end("221 bye\r\n");
      else if (/^RCPT/i.test(part)) answer(nextRefusal() ?? "250 ok");
      else answer("250 ok");
    }
  });
  answer("220 test mail server");
}
