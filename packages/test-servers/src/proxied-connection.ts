import { connect, type Socket } from "node:net";

/** A fault to apply to a request. `done` is called once it has been applied. */
export interface RequestFault {
  readonly fault: "none" | "drop-request" | "drop-reply" | "hold-reply";
  readonly done?: () => void;
}

/** Milliseconds within which the server answers requests that were sent together. */
const LAST_REPLY_DELAY_MS = 20;

/** One client's connection through the proxy, and the proxy's own to the server. */
export class ProxiedConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #judge: (chunk: Buffer) => RequestFault;
  readonly #delay: () => number;
  /** The fault to apply to the server's next reply. */
  #replyFault: RequestFault | undefined;
  #isHolding = false;
  #isAbandoned = false;

  constructor(
    client: Socket,
    target: { readonly port: number; readonly hostname: string },
    judge: (chunk: Buffer) => RequestFault,
    delay: () => number,
  ) {
    this.#client = client;
    this.#server = connect(target.port, target.hostname);
    this.#judge = judge;
    this.#delay = delay;
    for (const socket of [this.#client, this.#server]) {
      socket.setNoDelay(true);
      // `close` follows a reset like any other end.
      socket.on("error", () => {});
      socket.on("close", () => {
        if (!this.#isAbandoned) this.cut();
      });
    }
    this.#client.on("data", (chunk) => this.#request(chunk));
    this.#server.on("data", (chunk) => this.#reply(chunk));
  }

  onClose(listener: () => void): void {
    this.#client.on("close", listener);
  }

  cut(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  stall(): void {
    this.#client.pause();
    this.#server.pause();
  }

  resume(): void {
    if (this.#isAbandoned) return;
    this.#client.resume();
    this.#server.resume();
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.stall();
  }

  #request(chunk: Buffer): void {
    const verdict = this.#judge(chunk);
    if (verdict.fault === "drop-request") {
      this.cut();
      verdict.done?.();
      return;
    }
    if (verdict.fault !== "none") this.#replyFault = verdict;
    this.#forward(chunk, this.#server);
  }

  #reply(chunk: Buffer): void {
    if (this.#isHolding) return;
    const verdict = this.#replyFault;
    if (!verdict) {
      this.#forward(chunk, this.#client);
      return;
    }
    this.#isHolding = true;
    // This may still be the reply to an earlier request.
    setTimeout(() => {
      if (verdict.fault === "drop-reply") this.cut();
      verdict.done?.();
    }, LAST_REPLY_DELAY_MS);
  }

  #forward(chunk: Buffer, to: Socket): void {
    const delay = this.#delay();
    if (delay > 0) setTimeout(() => to.write(chunk), delay);
    else to.write(chunk);
  }
}
