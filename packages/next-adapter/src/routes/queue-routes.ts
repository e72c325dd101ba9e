import { type Message, QueueError } from "@org/queue";
import { Refusal, rethrowNextSignal } from "../access/refusal.ts";
import { Gateway, untyped } from "../gateway/gateway.ts";
import type { GatewayOptions } from "../gateway/gateway-options.ts";
import type { StatusSource } from "../gateway/status-gateway.ts";
import { LiveStreams, type StreamOptions } from "../stream/live-streams.ts";
import { assertTokenOptions, type TokenOptions } from "../tokens/access-token.ts";
import { errorResponse } from "./json-response.ts";
import { matchRoute, segmentsAfter } from "./match-route.ts";
import { Origins } from "./origins.ts";
import { DEFAULT_MAX_BODY, readJsonBody } from "./read-body.ts";
import { ROUTES } from "./route-table.ts";

/** What `createQueueRoutes` takes. */
export interface QueueRoutesOptions<M extends Message = Message> extends GatewayOptions<M> {
  /** The path that the routes are mounted at. @default "/api/queue" */
  readonly basePath?: string | undefined;
  /** Status tables that clients may read, by the name that they are asked for. @default none */
  readonly statuses?: Readonly<Record<string, StatusSource>> | undefined;
  /** Other sites whose pages may call the routes, such as "https://app.example.com". @default none */
  readonly origins?: readonly string[] | undefined;
  /** Accepts tokens of `signAccessToken` in place of what `authorize` decides. @default none */
  readonly tokens?: TokenOptions | undefined;
  readonly stream?: StreamOptions | undefined;
  /** Bytes of a request's body. @default 1,048,576 */
  readonly maxBody?: number | undefined;
}

/** A web-standard handler, and the exports of a catch-all route of Next.js. */
export interface QueueRoutes {
  /** Answers any request below the base path. Never rejects. */
  handler(request: Request): Promise<Response>;
  /** How many streams are open in this process. */
  readonly streams: number;
  readonly GET: (request: Request) => Promise<Response>;
  readonly HEAD: (request: Request) => Promise<Response>;
  readonly POST: (request: Request) => Promise<Response>;
  readonly OPTIONS: (request: Request) => Promise<Response>;
}

const METHODS_OF_CORS = "GET, HEAD, POST, OPTIONS";

/**
 * One handler for a catch-all route: jobs, statuses, stats, health, sends and operations.
 *
 * @throws {QueueError} `INVALID_OPTIONS` without a queue or `authorize`.
 *
 * @example
 * // app/api/queue/[...queue]/route.ts
 * export const { GET, HEAD, POST, OPTIONS } = createQueueRoutes({ queue, authorize });
 */
export function createQueueRoutes<M extends Message>(options: QueueRoutesOptions<M>): QueueRoutes {
  const {
    basePath = "/api/queue",
    statuses = {},
    origins: allowed = [],
    tokens,
    maxBody = DEFAULT_MAX_BODY,
  } = options;
  if (!/^(\/[^/?#]+)*$/.test(basePath)) {
    throw new QueueError(
      "INVALID_OPTIONS",
      'createQueueRoutes: basePath must be a path such as "/api/queue".',
    );
  }
  if (tokens) assertTokenOptions("createQueueRoutes", tokens);
  const gateway = new Gateway("createQueueRoutes", untyped(options), { statuses, ...(tokens && { tokens }) });
  const origins = new Origins(allowed);
  const live = new LiveStreams({
    gateway,
    queue: untyped(options).queue,
    hub: gateway.openHub(),
    options: options.stream ?? {},
  });

  const route = async (request: Request): Promise<Response> => {
    origins.assertAllowed(request);
    const url = new URL(request.url);
    const { routes, params } = matchRoute(ROUTES, segmentsAfter(basePath, url.pathname) ?? []);
    if (routes.length === 0) throw new Refusal("ROUTE_NOT_FOUND");
    const methods = allowedMethods(routes.map(({ method }) => method));
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { allow: methods } });
    const method = request.method === "HEAD" ? "GET" : request.method;
    const found = routes.find((one) => one.method === method);
    if (!found) throw new MethodRefused(methods);
    return found.handle({ request, url, params, gateway, live, body: () => readJsonBody(request, maxBody) });
  };

  const handler = async (request: Request): Promise<Response> => {
    let response: Response;
    try {
      response = await route(request);
    } catch (thrown) {
      rethrowNextSignal(thrown);
      const { status, error } = gateway.report(thrown, `${request.method} of a route`);
      response = errorResponse(error, status, thrown instanceof MethodRefused ? { allow: thrown.allow } : {});
    }
    addCorsHeaders(response, origins.allowed(request), request);
    return request.method === "HEAD" ? new Response(null, response) : response;
  };
  return {
    handler,
    get streams() {
      return live.count;
    },
    GET: handler,
    HEAD: handler,
    POST: handler,
    OPTIONS: handler,
  };
}

class MethodRefused extends Refusal {
  readonly allow: string;

  constructor(allow: string) {
    super("METHOD_NOT_ALLOWED");
    this.allow = allow;
  }
}

function allowedMethods(methods: readonly string[]): string {
  return [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
}

/** Cookies stay with the own site: pages of others send a token. */
function addCorsHeaders({ headers }: Response, origin: string | undefined, request: Request): void {
  headers.append("vary", "Origin");
  if (origin === undefined) return;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", "ETag");
  if (request.method !== "OPTIONS") return;
  headers.set("access-control-allow-methods", METHODS_OF_CORS);
  headers.set("access-control-allow-headers", "Authorization, Content-Type, If-None-Match");
  headers.set("access-control-max-age", "600");
}
