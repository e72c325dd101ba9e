import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { EndpointAddress } from "../config/settings.ts";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import type { Probe, Probes } from "./probes.ts";

/** A request that isn't whole after this time is refused, in milliseconds. */
const REQUEST_TIMEOUT = 10_000;
/** How long the server waits for answers under way when it closes, in milliseconds. */
const CLOSE_TIMEOUT = 1_000;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * Serves `/livez`, `/readyz` and `/metrics` on a port of their own.
 *
 * @throws {CommandError} with `EXIT_CODES.CONFIG` when it can't listen there.
 */
export async function startEndpoints(
  address: EndpointAddress,
  probes: Probes,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT,
      headersTimeout: REQUEST_TIMEOUT,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: REQUEST_TIMEOUT,
    },
    (request, response) => void respond(probes, request, response),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(cantListen(address, error)));
    server.listen(address.port, address.host, resolve);
  });
  server.on("error", () => {});
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${hostInUrl(address.host)}:${port}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT);
      await closed;
      clearTimeout(timer);
    },
  };
}

async function respond(probes: Probes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Nothing that is asked here has a body.
  request.resume();
  const { status, type, body } = await answer(probes, request);
  if (response.destroyed) return;
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(status === 405 && { allow: "GET, HEAD" }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function answer(probes: Probes, { method, url = "/" }: IncomingMessage): Promise<Answer> {
  const path = url.split("?", 1)[0]!;
  const endpoint = Object.hasOwn(ENDPOINTS, path) ? ENDPOINTS[path] : undefined;
  if (!endpoint) return text(404, `There is nothing at this path. See: ${Object.keys(ENDPOINTS).join(", ")}`);
  if (method !== "GET" && method !== "HEAD") return text(405, "Only GET and HEAD are answered here.");
  try {
    return await endpoint(probes);
  } catch (error) {
    return text(500, `This endpoint failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const ENDPOINTS: Readonly<Record<string, (probes: Probes) => Answer | Promise<Answer>>> = {
  "/": () =>
    text(
      200,
      [
        "/livez    200 while the process turns",
        "/readyz   200 while its workers claim jobs, else 503 with the reason",
        "/metrics  figures for Prometheus",
      ].join("\n"),
    ),
  "/livez": (probes) => probeAnswer(probes.live()),
  "/readyz": (probes) => probeAnswer(probes.ready()),
  "/metrics": async (probes) => {
    const { contentType, text } = await probes.metrics();
    return { status: 200, type: contentType, body: text };
  },
};

function probeAnswer(probe: Probe): Answer {
  return { status: probe.ok ? 200 : 503, type: "application/json", body: `${JSON.stringify(probe)}\n` };
}

function text(status: number, line: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body: `${line}\n` };
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens there. Stop it, or choose another port",
  EACCES: "this user may not use that port. Choose one above 1023",
  EADDRNOTAVAIL: "this machine doesn't have that address. Choose 0.0.0.0 for all of its addresses",
  ENOTFOUND: "that host name isn't known. Choose 0.0.0.0 for all addresses of this machine",
};

function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function cantListen({ host, port }: EndpointAddress, error: NodeJS.ErrnoException): CommandError {
  const reason = REASONS[error.code ?? ""] ?? error.message;
  return new CommandError(
    `The endpoints can't listen on ${hostInUrl(host)}:${port}: ${reason} (--port and --host, QUEUE_ENDPOINTS_PORT and QUEUE_ENDPOINTS_HOST, or endpoints in the config).`,
    EXIT_CODES.CONFIG,
    { cause: error },
  );
}
