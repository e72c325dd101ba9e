import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { ProxiedConnection, type Verdict } from "./proxied-connection.ts";

/**
 * What happens to traffic. `drop-requests`: what a client sends is swallowed and its connection cut.
 * `drop-replies`: the server gets the request, its reply is swallowed and the connection cut. `stall`:
 * nothing moves in either direction, nothing is closed, and all of it arrives once the mode changes, as after
 * a partition. `refuse`: connections are cut as soon as they are made.
 */
export type ProxyMode = "pass" | "drop-requests" | "drop-replies" | "stall" | "refuse";

/** One request to interfere with: the first from now on whose bytes contain a text. */
export interface Interception {
  readonly containing: string;
  /** `hold-reply`: the server gets the request, and its reply waits until the connection is cut. */
  readonly fault: "drop-request" | "drop-reply" | "hold-reply";
}

/** A TCP proxy that breaks connections the ways that networks do. */
export interface TcpProxy {
  /** The target's URL with the proxy's port. */
  readonly url: string;
  /** Applies to the connections there are and to new ones. `"pass"` at first. */
  use(mode: ProxyMode): void;
  /** Adds a delay to every chunk, in both directions, in milliseconds. `0` at first. */
  delay(milliseconds: number): void;
  /** New connections lead to this server instead, as when a name changes. Those there are stay where they are. */
  leadTo(url: string): void;
  /** Cuts the connections there are. New ones can be made. */
  cut(): void;
  /**
   * Makes the connections there are half-open for good: they stay up, and nothing gets through any more, as
   * when a router forgot them. New ones can be made.
   */
  abandon(): void;
  /** Resolves when it has happened: the request was swallowed, or the server's reply arrived here. */
  intercept(interception: Interception): Promise<void>;
  /** Cuts what there is and stops listening. Safe to call twice. */
  stop(): Promise<void>;
}

interface Trap extends Interception {
  readonly sprung: () => void;
}

/**
 * Starts a TCP proxy on a free port of loopback.
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
  const traps = new Set<Trap>();
  let mode: ProxyMode = "pass";
  let delay = 0;

  const judge = (chunk: Buffer): Verdict => {
    for (const trap of traps) {
      if (!chunk.includes(trap.containing)) continue;
      traps.delete(trap);
      return { fault: trap.fault, done: trap.sprung };
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
  // A test that forgets to stop its proxy can still end.
  server.unref();
  const own = new URL(target);
  own.hostname = "127.0.0.1";
  own.port = `${(server.address() as AddressInfo).port}`;

  const cut = () => {
    for (const connection of connections) connection.cut();
  };
  return {
    // Without the slash that a URL object adds.
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
    leadTo(url) {
      ({ hostname, port } = new URL(url));
    },
    cut,
    abandon() {
      for (const connection of connections) connection.abandon();
    },
    intercept: (interception) =>
      new Promise((sprung) => {
        traps.add({ ...interception, sprung });
      }),
    async stop() {
      cut();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
}
