import { type Duration, parseDuration, type Queue, QueueError } from "@org/queue";
import { Refusal } from "../access/refusal.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { ReadReply } from "../protocol/interests.ts";
import { jsonResponse } from "../routes/json-response.ts";
import { EventStream } from "./event-stream.ts";
import { Follower } from "./follower.ts";
import type { LiveHub } from "./live-hub.ts";
import { Pacer } from "./pacer.ts";
import { type PermittedInterests, permitInterests } from "./permit-interests.ts";
import { parseReadRequest } from "./read-request.ts";

/** Options of the live stream. */
export interface StreamOptions {
  /**
   * A stream ends after this long, or up to twice as long, and the client opens the next: so rights are asked again, and
   * clients that have vanished go. "5s" to "10m". @default "30s"
   */
  readonly lifetime?: Duration | undefined;
  /** Streams of this process at a time. @default 10,000 */
  readonly maxStreams?: number | undefined;
}

/** Milliseconds. */
const GATHER = 50;
const HEARTBEAT = 10_000;
/** How long the old stream stays while the client opens the next. */
const HANDOVER = 5_000;
/** Longest that a read waits for what it asks for. */
const READ_TIMEOUT = 5_000;
const RETRY_AFTER = 5;

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "private, no-store",
  // Some proxies hold a response back until it is complete.
  "x-accel-buffering": "no",
  "x-content-type-options": "nosniff",
};

interface Parts {
  readonly gateway: Gateway;
  readonly queue: Queue;
  readonly hub: LiveHub;
  readonly options: StreamOptions;
}

/** Answers what clients follow: once, or for as long as a stream lives. */
export class LiveStreams {
  readonly #parts: Parts;
  readonly #lifetime: number;
  readonly #maxStreams: number;
  readonly #open = new Set<() => void>();

  /** @throws {QueueError} `INVALID_OPTIONS`. */
  constructor(parts: Parts) {
    const { lifetime = "30s", maxStreams = 10_000 } = parts.options;
    const milliseconds = typeof lifetime === "number" ? lifetime : parseDuration(lifetime);
    if (milliseconds === undefined || milliseconds < 5_000 || milliseconds > 600_000) {
      throw new QueueError("INVALID_OPTIONS", "createQueueRoutes: stream.lifetime must be 5s to 10m.");
    }
    if (!Number.isInteger(maxStreams) || maxStreams < 0) {
      throw new QueueError("INVALID_OPTIONS", "createQueueRoutes: stream.maxStreams must be a whole number.");
    }
    this.#parts = parts;
    this.#lifetime = milliseconds;
    this.#maxStreams = maxStreams;
  }

  /** How many streams are open. */
  get count(): number {
    return this.#open.size;
  }

  /** What differs from what the client has, once. */
  async read(request: Request, body: unknown): Promise<Response> {
    const asked = parseReadRequest(body);
    const permitted = await permitInterests(asked, { ...this.#parts, request });
    const follower = new Follower(this.#parts.hub, asked.knownJobs);
    try {
      await Promise.race([start(follower, permitted), timeout(READ_TIMEOUT)]);
      const changes = `[${[...refusals(permitted), ...inner(follower.take())].join(",")}]`;
      const reply: ReadReply = { viewer: permitted.viewer, changes: JSON.parse(changes) };
      return jsonResponse(reply);
    } finally {
      follower.close();
    }
  }

  /** The same, and all that changes from then on. */
  async stream(request: Request, body: unknown): Promise<Response> {
    if (this.count >= this.#maxStreams) return tooMany();
    const asked = parseReadRequest(body);
    const permitted = await permitInterests(asked, { ...this.#parts, request });
    if (this.count >= this.#maxStreams) return tooMany();
    return new Response(this.#start(permitted, asked.knownJobs, request.signal), { headers: HEADERS });
  }

  #start(
    permitted: PermittedInterests,
    knownJobs: Readonly<Record<string, string>> | undefined,
    signal: AbortSignal,
  ): ReadableStream<Uint8Array> {
    const timers: (() => void)[] = [];
    const follower = new Follower(this.#parts.hub, knownJobs);
    const end = () => {
      if (!this.#open.delete(end)) return;
      for (const stop of timers) stop();
      pacer.stop();
      follower.close();
      stream.close();
    };
    this.#open.add(end);
    const stream = new EventStream({ onDrain: () => pacer.ask(), onClose: end });
    const pacer = new Pacer(() => {
      // A slow reader gets the newest state once it has read what it was sent.
      const changes = stream.isReady ? follower.take() : undefined;
      if (changes !== undefined) stream.send("changes", changes);
    }, GATHER);
    const hello = { viewer: permitted.viewer, heartbeat: HEARTBEAT };
    stream.send("hello", JSON.stringify(hello));
    const refused = refusals(permitted);
    if (refused.length > 0) stream.send("changes", `[${refused.join(",")}]`);
    void start(follower, permitted, () => pacer.ask()).then(() => {
      if (!this.#open.has(end)) return;
      const changes = follower.take();
      if (changes !== undefined) stream.send("changes", changes);
      stream.send("ready", "{}");
    });
    const lifetime = this.#lifetime * (1 + Math.random());
    timers.push(
      every(HEARTBEAT, () => stream.beat()),
      after(lifetime, () => stream.send("renew", "{}")),
      after(lifetime + HANDOVER, end),
    );
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    return stream.body;
  }
}

/** Resolves once each topic has been read, or has failed. */
function start(
  follower: Follower,
  { followed }: PermittedInterests,
  onPending: () => void = () => {},
): Promise<void> {
  let isLoaded = false;
  return new Promise((resolve) => {
    follower.start(followed, () => {
      isLoaded ||= follower.isLoaded;
      if (isLoaded) resolve();
      onPending();
    });
  });
}

function refusals({ refused }: PermittedInterests): readonly string[] {
  return refused.map((one) => JSON.stringify(one));
}

function inner(array: string | undefined): readonly string[] {
  return array === undefined ? [] : [array.slice(1, -1)];
}

function tooMany(): Response {
  const refusal = new Refusal("TOO_MANY_CONNECTIONS");
  return jsonResponse(
    { error: { code: refusal.code, message: refusal.message } },
    { status: 503, headers: { "retry-after": `${RETRY_AFTER}` } },
  );
}

function timeout(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    after(milliseconds, resolve);
  });
}

function after(milliseconds: number, work: () => void): () => void {
  const timer = setTimeout(work, milliseconds);
  timer.unref?.();
  return () => clearTimeout(timer);
}

function every(milliseconds: number, work: () => void): () => void {
  const timer = setInterval(work, milliseconds);
  timer.unref?.();
  return () => clearInterval(timer);
}
