import {
  PROTOCOL_VERSION,
  type ReadReply,
  type ReadRequest,
  type StreamEvent,
} from "../protocol/interests.ts";
import type { WireError } from "../protocol/refusals.ts";
import { eventParser } from "./event-parser.ts";

/** How a browser reaches the routes. */
export interface TransportOptions {
  /** Where the routes are. @default "/api/queue" */
  readonly url?: string | undefined;
  /** Headers of each request, such as a token for another origin. @default none */
  readonly headers?:
    | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>)
    | undefined;
  readonly fetch?: typeof fetch | undefined;
}

/** Why a request failed. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly error: WireError;
  /** Of the response; 0 if there was none. */
  readonly status: number;

  constructor(error: WireError, status = 0) {
    super(error.message);
    this.error = error;
    this.status = status;
  }

  /** Whether a repeat of the request can't help. */
  get isFinal(): boolean {
    return [401, 403, 404, 409].includes(this.status);
  }
}

const UNREACHABLE: WireError = { code: "ENGINE_UNAVAILABLE", message: "The server can't be reached." };

/** What `fetch` throws says nothing that a page could show. */
export function toRequestError(thrown: unknown): RequestError {
  return thrown instanceof RequestError ? thrown : new RequestError(UNREACHABLE);
}

/** Requests of the hooks. Aborting its signal ends each. */
export class Transport {
  readonly #url: string;
  readonly #headers: NonNullable<TransportOptions["headers"]>;
  readonly #fetch: typeof fetch;

  constructor({ url = "/api/queue", headers = () => ({}), fetch: given }: TransportOptions) {
    this.#url = url;
    this.#headers = headers;
    // Looked up at each call, so that what replaces it later is used.
    this.#fetch = given ?? ((...args) => fetch(...args));
  }

  /** @throws {RequestError}; what `fetch` throws. */
  async read(request: Omit<ReadRequest, "protocol">, signal: AbortSignal): Promise<ReadReply> {
    const response = await this.#post("read", { protocol: PROTOCOL_VERSION, ...request }, signal);
    return (await response.json()) as ReadReply;
  }

  /**
   * Calls `onEvent` with the events of a stream until that ends.
   *
   * @param onBytes called whenever something comes, a heartbeat too
   * @throws {RequestError}; what `fetch` throws, also when the stream breaks.
   */
  async stream(
    request: Omit<ReadRequest, "protocol">,
    {
      signal,
      onEvent,
      onBytes,
    }: {
      readonly signal: AbortSignal;
      readonly onEvent: (event: StreamEvent) => void;
      readonly onBytes: () => void;
    },
  ): Promise<void> {
    const response = await this.#post("stream", { protocol: PROTOCOL_VERSION, ...request }, signal);
    const feed = eventParser(onEvent);
    const decoder = new TextDecoder();
    const reader = response.body!.getReader();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      onBytes();
      feed(decoder.decode(chunk.value, { stream: true }));
    }
  }

  /** Sends jobs, each by itself. It outlives the page if the body is small enough for that. */
  async send(jobs: readonly object[]): Promise<readonly SendResult[]> {
    const response = await this.#post("jobs", { jobs });
    return ((await response.json()) as { readonly results: readonly SendResult[] }).results;
  }

  async #post(path: string, body: object, signal?: AbortSignal): Promise<Response> {
    // Contracts have codecs of text for bigints; dates become texts by themselves.
    const text = JSON.stringify(body, (_, value: unknown) =>
      typeof value === "bigint" ? `${value}` : value,
    );
    const response = await this.#fetch(`${this.#url}/${path}`, {
      method: "POST",
      headers: { ...(await this.#headers()), "content-type": "application/json" },
      body: text,
      cache: "no-store",
      ...(signal ? { signal } : { keepalive: text.length < MAX_KEEPALIVE }),
    });
    if (response.ok) return response;
    const { error = UNREACHABLE } = (await response.json().catch(() => ({}))) as {
      readonly error?: WireError;
    };
    throw new RequestError(error, response.status);
  }
}

/** Browsers refuse larger bodies that outlive the page. */
const MAX_KEEPALIVE = 60_000;

export type SendResult =
  | { readonly jobId: string; readonly created: boolean }
  | { readonly error: WireError };
