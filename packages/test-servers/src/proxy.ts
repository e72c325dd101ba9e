import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { ProxiedConnection, type RequestFault } from "./proxied-connection.ts";

/**
 * What happens to traffic.
 *
 * - `drop-requests`: requests are dropped and their connections cut.
 * - `drop-replies`: the server gets the request, its reply is dropped and the connection cut.
 * - `stall`: nothing moves in either direction and nothing is closed. Everything arrives once the mode changes, as
 * after a
 *   partition.
 * - `refuse`: connections are cut as soon as they are opened.
 */
export type ProxyMode = "pass" | "drop-requests" | "drop-replies" | "stall" | "refuse";

/** A fault for one request: the first from now on that contains a text. */
export interface Interception {
  readonly containing: string;
  /** `hold-reply`: the server gets the request, and its reply is held until the connection is cut. */
  readonly fault: "drop-request" | "drop-reply" | "hold-reply";
}

/** A TCP proxy that breaks connections in the ways that networks do. */
export interface TcpProxy {
  /** The target's URL with the proxy's port. */
  readonly url: string;
  /** Applies to open and new connections. @default "pass" */
  use(mode: ProxyMode): void;
  /** Adds a delay to every chunk, in both directions, in milliseconds. @default 0 */
  delay(milliseconds: number): void;
  /** Sends new connections to another server, as when a DNS name changes. Open connections stay. */
  redirectTo(url: string): void;
  /** Cuts open connections. New ones are accepted. */
  cut(): void;
  /**
   * Makes open connections half-open for good: they stay up, but nothing gets through, as when a router drops their
   * state. New ones are accepted.
   */
  abandon(): void;
  /** Resolves once the fault was applied: the request was dropped, or the server's reply has arrived at the proxy. */
  intercept(interception: Interception): Promise<void>;
  /** Cuts open connections and stops listening. Safe to call twice. */
  stop(): Promise<void>;
}

interface PendingInterception extends Interception {
  readonly onApplied: () => void;
}

/**
 * Starts a TCP proxy on a free loopback port.
 *
 * @example
 * const proxy = await startProxy({ target: redis.url });
 * const lost = proxy.intercept({ containing: "job-1", fault: "drop-reply" });
 * const sending = queue.send(message, data, { id: "job-1" });   // through proxy.url
 * await lost;
 */
export async function startProxy({ target }: { readonly target: string }): Promise<TcpProxy> {
  let { hostname, port } = new URL(target);
  const connections = new Set<ProxiedConnection>();
  const interceptions = new Set<PendingInterception>();
  let mode: ProxyMode = "pass";
  let delay = 0;

  const judge = (chunk: Buffer): RequestFault => {
    for (const pending of interceptions) {
      if (!chunk.includes(pending.containing)) continue;
      interceptions.delete(pending);
      return { fault: pending.fault, done: pending.onApplied };
    }
    if (mode === "drop-requests") return { fault: "drop-request" };
    return mode === "drop-replies" ? { fault: "drop-reply" } : { fault: "none" };
  };

  const server = createServer((client) => {
    if (mode === "refuse") {
      client.destroy();
      return;
    }
    const connection = new ProxiedConnection(client, { port: Number(port), hostname }, judge, () => delay);
    connections.add(connection);
    connection.onClose(() => connections.delete(connection));
    if (mode === "stall") connection.stall();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // Lets a process exit that forgets to stop its proxy.
  server.unref();
  const own = new URL(target);
  own.hostname = "127.0.0.1";
  own.port = `${(server.address() as AddressInfo).port}`;

  const cut = () => {
    for (const connection of connections) connection.cut();
  };
  return {
    // Removes the slash that a URL object adds.
    url: own.href.replace(/\/$/, target.endsWith("/") ? "/" : ""),
    use(next) {
      mode = next;
      if (next === "refuse") cut();
      for (const connection of connections) {
        if (next === "stall") connection.stall();
        else connection.resume();
      }
    },
    delay(milliseconds) {
      delay = milliseconds;
    },
    redirectTo(url) {
      ({ hostname, port } = new URL(url));
    },
    cut,
    abandon() {
      for (const connection of connections) connection.abandon();
    },
    intercept: (interception) =>
      new Promise((onApplied) => {
        interceptions.add({ ...interception, onApplied });
      }),
    async stop() {
      cut();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
}
