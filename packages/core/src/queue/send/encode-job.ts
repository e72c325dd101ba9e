import { isWellFormed, MAX_KEY_LENGTH, NOT_WELL_FORMED } from "../../contract/names.ts";
import { encodePayload } from "../../contract/payload.ts";
import type { MaybePromise } from "../../contract/schema.ts";
import type { Engine } from "../../engine/engine.ts";
import type { NewJob, WireEnvelope } from "../../engine/job.ts";
import { QueueError, UnsupportedByEngineError } from "../../errors/queue-error.ts";
import { messageOf } from "../../errors/thrown.ts";
import { discardPromise } from "../../logging/callback-guard.ts";
import { encodeMetadata } from "./metadata.ts";
import { searchableValues } from "./search-values.ts";
import type { SendRequest } from "./send-request.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Turns requests into what an engine stores: validated, encoded, within the limits. */
export class JobEncoder {
  readonly #engine: Engine;
  readonly #offersAll: boolean;
  #stampedAt = Number.NaN;
  #stamp = "";

  constructor(engine: Engine) {
    this.#engine = engine;
    const { dependencies, orderingKeys, delays, priorities, dedupe } = engine.features;
    this.#offersAll = dependencies && orderingKeys && delays && priorities && dedupe;
  }

  /**
   * At once when the message's schema is synchronous.
   *
   * @throws {QueueError} `INVALID_DATA`, `PAYLOAD_TOO_LARGE` or `UNSUPPORTED_BY_ENGINE`.
   */
  encode(request: SendRequest): MaybePromise<NewJob> {
    const { message } = request;
    const data = encodePayload(
      `data of ${message.name}`,
      message.codecs.data,
      request.data,
      message.limits.data,
      "INVALID_DATA",
    );
    return typeof data === "string"
      ? this.#finish(request, data)
      : data.then((json) => this.#finish(request, json));
  }

  #finish(request: SendRequest, data: string): NewJob {
    const { message } = request;
    const orderingKey = readOrderingKey(request);
    if (!this.#offersAll) this.#assertOffered(request, orderingKey);
    const job: Mutable<NewJob> = {
      envelope: this.#envelope(request, data),
      queue: message.queue,
      priority: request.priority,
      delay: request.delay,
      maxAttempts: request.attempts,
      maxStalls: message.maxStalls,
      retain: message.retain,
      dependsOn: request.dependsOn,
    };
    // The relay of an outbox may send a job twice.
    if (request.generatedId === request.id && request.tx === undefined) job.hasNewId = true;
    const search = searchableValues(message, data);
    if (search !== undefined) job.search = search;
    if (orderingKey !== undefined) job.ordering = { key: orderingKey, onFailure: message.onOrderingFailure };
    if (request.dedupe !== undefined) {
      // Two messages that dedupe by the same user id must not stand for each other.
      job.dedupe = { key: `${message.name}:${request.dedupe.key}`, window: request.dedupe.window };
    }
    return job;
  }

  #envelope({ id, message, userId, metadata, traceparent, sentAt }: SendRequest, data: string): WireEnvelope {
    const envelope: Mutable<WireEnvelope> = {
      id,
      messageType: message.name,
      version: message.version,
      timestamp: this.#timestamp(sentAt),
      data,
    };
    if (userId !== undefined) envelope.userId = userId;
    if (traceparent !== undefined) envelope.traceparent = traceparent;
    if (metadata !== undefined) envelope.metadata = encodeMetadata(message, metadata);
    return envelope;
  }

  /** Formatting costs more than all else here, and many sends share a millisecond. */
  #timestamp(sentAt: number): string {
    if (sentAt !== this.#stampedAt) {
      const date = new Date(sentAt);
      if (Number.isNaN(date.getTime())) throw invalidInstant(sentAt);
      this.#stamp = date.toISOString();
      this.#stampedAt = sentAt;
    }
    return this.#stamp;
  }

  #assertOffered(request: SendRequest, orderingKey: string | undefined): void {
    const { name, features } = this.#engine;
    const refuse = (feature: string) => {
      throw new UnsupportedByEngineError(name, feature);
    };
    if (!features.dependencies && request.dependsOn.length > 0) refuse("dependencies (`dependsOn`)");
    if (!features.delays && request.delay > 0) refuse("delays (`delay`)");
    if (!features.priorities && request.priority > 0) refuse("priorities (`priority`)");
    if (!features.dedupe && request.dedupe) refuse("deduplication (`dedupe`)");
    if (!features.orderingKeys && orderingKey !== undefined) {
      refuse(`ordering keys (\`orderingKey\` of ${request.message.name})`);
    }
  }
}

/** Asked once the data is known to be valid, so that the app's function sees only what its type says. */
function readOrderingKey({ message, data }: SendRequest): string | undefined {
  let key: unknown;
  try {
    key = message.orderingKey(data);
  } catch (cause) {
    throw invalidKey(message.name, `threw: ${messageOf(cause)}`, cause);
  }
  if (key === undefined) return undefined;
  if (typeof key === "string" && key.length > 0 && key.length <= MAX_KEY_LENGTH) {
    if (isWellFormed(key)) return key;
    throw invalidKey(message.name, `answered what can't be a key: ${NOT_WELL_FORMED}`);
  }
  discardPromise(key);
  throw invalidKey(message.name, `must answer 1 to ${MAX_KEY_LENGTH} characters, or undefined`);
}

function invalidInstant(sentAt: unknown): QueueError {
  return new QueueError(
    "INVALID_OPTIONS",
    `A send middleware must pass on \`sentAt\`, milliseconds since the epoch; it was ${String(sentAt)}.`,
  );
}

function invalidKey(message: string, problem: string, cause?: unknown): QueueError {
  return new QueueError("INVALID_DATA", `The orderingKey of ${message} ${problem}.`, {
    cause,
    issues: [{ path: "orderingKey", message: problem }],
  });
}
