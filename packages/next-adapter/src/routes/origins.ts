import { QueueError } from "@org/queue";
import { Refusal } from "../access/refusal.ts";

/** Methods that change nothing, and that a link of another site may call. */
const SAFE_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** Decides by a request's `Sec-Fetch-Site` and `Origin` which other sites' pages may call the routes. */
export class Origins {
  readonly #allowed: ReadonlySet<string>;

  /** @throws {QueueError} `INVALID_OPTIONS` for what isn't an origin. */
  constructor(origins: readonly string[]) {
    for (const origin of origins) {
      if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
      throw new QueueError(
        "INVALID_OPTIONS",
        `createQueueRoutes: origins has ${JSON.stringify(origin)}: expected an origin such as "https://app.example.com".`,
      );
    }
    this.#allowed = new Set(origins);
  }

  /** The origin of a page of another site that is allowed, for the headers of CORS. */
  allowed(request: Request): string | undefined {
    const origin = request.headers.get("origin");
    return origin !== null && this.#allowed.has(origin) ? origin : undefined;
  }

  /**
   * Refuses what a page of another site has caused. Requests without both headers aren't a browser's, and carry no
   * cookie that a page could abuse.
   *
   * @throws {Refusal} `CROSS_ORIGIN`.
   */
  assertAllowed(request: Request): void {
    if (SAFE_METHODS.includes(request.method) || this.allowed(request) !== undefined) return;
    const site = request.headers.get("sec-fetch-site");
    const origin = request.headers.get("origin");
    const isSame = site === null ? origin === null || isOwn(origin, request) : site === "same-origin";
    if (!isSame) throw new Refusal("CROSS_ORIGIN");
  }
}

/** Behind a proxy the URL may name an inner host; `Host` is what the browser has called. */
function isOwn(origin: string, request: Request): boolean {
  if (!URL.canParse(origin)) return false;
  const { host } = new URL(origin);
  return host === (request.headers.get("host") ?? new URL(request.url).host);
}
