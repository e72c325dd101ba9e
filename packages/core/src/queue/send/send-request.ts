import type { Message, SendData } from "../../contract/message.ts";
import type { Dependency } from "../../engine/job.ts";
import { QueueError } from "../../errors/queue-error.ts";
import type { ParsedSendOptions } from "./send-options.ts";

/** One job about to be sent, its options resolved, its data not yet validated. */
export interface SendRequest<M extends Message = Message> {
  readonly id: string;
  /** The id that the queue generated for this request, if it did: a middleware may replace `id`. */
  readonly generatedId?: string;
  readonly message: M;
  /** As the caller gave it. */
  readonly data: SendData<M>;
  readonly userId?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** W3C trace context, for a tracing middleware to set. */
  readonly traceparent?: string;
  /** Milliseconds. */
  readonly delay: number;
  readonly priority: number;
  readonly attempts: number;
  /** `window` in milliseconds. */
  readonly dedupe?: { readonly key: string; readonly window: number };
  readonly dependsOn: readonly Dependency[];
  /** When the send was called, in milliseconds since the epoch on the queue's clock. */
  readonly sentAt: number;
  /** The database transaction to store the job with, through the queue's outbox. */
  readonly tx?: unknown;
}

const NO_DEPENDENCIES: readonly Dependency[] = Object.freeze([]);

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export function toSendRequest(
  message: Message,
  data: unknown,
  options: ParsedSendOptions,
  newId: () => string,
  sentAt: number,
): SendRequest {
  const request: Mutable<SendRequest> = {
    id: options.id ?? "",
    message,
    data,
    delay: options.delay ?? 0,
    priority: options.priority ?? message.priority,
    attempts: options.attempts ?? message.attempts,
    dependsOn: options.dependsOn === undefined ? NO_DEPENDENCIES : mergeDependencies(options.dependsOn),
    sentAt,
  };
  if (options.id === undefined) {
    request.id = newId();
    request.generatedId = request.id;
  }
  if (options.userId !== undefined) request.userId = options.userId;
  if (options.metadata !== undefined) request.metadata = options.metadata;
  if (options.dedupe !== undefined) request.dedupe = options.dedupe;
  if (options.tx !== undefined) request.tx = options.tx;
  return request;
}

/** A job named twice is one edge; with two policies it is a contradiction. */
export function mergeDependencies(dependsOn: readonly Dependency[]): readonly Dependency[] {
  if (dependsOn.length < 2) return dependsOn;
  const byId = new Map<string, Dependency>();
  for (const dependency of dependsOn) {
    const other = byId.get(dependency.job);
    if (other && other.onFailure !== dependency.onFailure) {
      throw new QueueError(
        "INVALID_OPTIONS",
        `dependsOn names the job ${dependency.job} twice, with onFailure "${other.onFailure}" and "${dependency.onFailure}".`,
        { issues: [{ path: "dependsOn", message: `names ${dependency.job} with two policies` }] },
      );
    }
    byId.set(dependency.job, dependency);
  }
  return [...byId.values()];
}
