import { type Message, parseDuration, QueueError, type Registry } from "@org/queue";
import * as z from "zod/mini";
import type { ResolvedBounds } from "./gateway-options.ts";

const id = z.string().check(z.minLength(1), z.maxLength(128));
const policy = z.enum(["cancel", "run", "hold"]);
const dependency = z.union([id, z.strictObject({ job: id, onFailure: z.optional(policy) })], {
  error: 'expected an id or { job, onFailure: "cancel" | "run" | "hold" }',
});

const schema = z.strictObject({
  messageType: z.string(),
  data: z.optional(z.unknown()),
  id: z.optional(id),
  delay: z.optional(z.union([z.number(), z.string()])),
  attempts: z.optional(z.number()),
  priority: z.optional(z.number()),
  dependsOn: z.optional(z.array(z.optional(dependency)).check(z.maxLength(100))),
  userId: z.optional(z.string()),
  metadata: z.optional(z.record(z.string(), z.unknown())),
  timestamp: z.optional(z.string()),
});

/** A client's send after its form and its bounds were checked. Data and metadata are left to the queue. */
export interface ReadSend {
  readonly message: Message;
  readonly data: unknown;
  readonly id: string | undefined;
  /** Milliseconds. */
  readonly delay: number | undefined;
  readonly attempts: number | undefined;
  readonly priority: number | undefined;
  readonly dependsOn: readonly { readonly job: string; readonly onFailure: "cancel" | "run" | "hold" }[];
  readonly userId: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Reads what a client sends.
 *
 * @throws {QueueError} `INVALID_OPTIONS`, `UNKNOWN_MESSAGE`.
 */
export function readSendInput(input: unknown, registry: Registry, bounds: ResolvedBounds): ReadSend {
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw invalid("", parsed.error.issues[0]?.message ?? "expected a message");
  const { messageType, delay, attempts, priority, dependsOn = [], timestamp: _, ...rest } = parsed.data;
  const message = registry.get(messageType);
  if (!message) throw new QueueError("UNKNOWN_MESSAGE", "The message isn't in this queue's registry.");
  const milliseconds = typeof delay === "string" ? (parseDuration(delay) ?? Number.NaN) : delay;
  assertBetween("delay", milliseconds, 0, bounds.maxDelay);
  assertBetween("attempts", attempts, 1, Math.max(bounds.maxAttempts, message.attempts));
  // 0 is the most urgent: who sends may wait longer than the message's own jobs, not overtake them.
  assertBetween("priority", priority, message.priority, 1_000);
  return {
    message,
    data: rest.data,
    id: rest.id,
    delay: milliseconds,
    attempts,
    priority,
    dependsOn: dependsOn.flatMap((given) => {
      if (given === undefined) return [];
      const { job, onFailure = "cancel" } = typeof given === "string" ? { job: given } : given;
      return [{ job, onFailure }];
    }),
    userId: rest.userId,
    metadata: rest.metadata,
  };
}

function assertBetween(name: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined || (value >= min && value <= max)) return;
  throw invalid(name, `expected ${min} to ${max}`);
}

function invalid(path: string, message: string): QueueError {
  return new QueueError("INVALID_OPTIONS", `send: ${path && `${path}: `}${message}`, {
    issues: [{ path, message }],
  });
}
