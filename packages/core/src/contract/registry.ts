import { QueueError } from "../errors/queue-error.ts";
import type { Message } from "./message.ts";
import { findProblems } from "./message-problems.ts";
import { formatIssues } from "./schema.ts";

/** The set of messages an app knows. Made by `createRegistry`. */
export interface Registry<M extends Message = Message> {
  /** In the order they were given. */
  readonly messages: readonly M[];
  /** Queue names of all messages, without repeats. */
  readonly queues: readonly string[];
  /** The message of that name, or `undefined`. */
  get(name: string): M | undefined;
  has(message: Message): boolean;
}

type MessagesOf<Item> = Item extends Registry<infer M> ? M : Item extends Message ? Item : never;

/**
 * Combines messages and other registries into one. The same message may appear twice; two messages with the same
 * name are refused.
 *
 * @throws {QueueError} `INVALID_CONTRACT` with every problem of every message in `issues`.
 *
 * @example
 * const registry = createRegistry([planCreate, phaseCreate, billingRegistry]);
 */
export function createRegistry<const Items extends readonly (Message | Registry)[]>(
  items: Items,
): Registry<MessagesOf<Items[number]>> {
  type M = MessagesOf<Items[number]>;
  const byName = new Map<string, M>();
  const issues: { path: string; message: string }[] = [];

  const given = Array.isArray(items) ? (items as Items) : [];
  if (given !== items) issues.push({ path: "", message: "expected a list of messages and registries" });
  const known = given.flatMap((item, index) => {
    if (isRegistry(item)) return item.messages;
    if (isMessage(item)) return [item];
    const hint = item === undefined ? "; undefined usually means a circular import" : "";
    issues.push({ path: String(index), message: `expected a message or a registry${hint}` });
    return [];
  });
  for (const message of known as M[]) {
    const other = byName.get(message.name);
    if (other === message) continue;
    if (other) issues.push({ path: message.name, message: "another message has the same name" });
    else byName.set(message.name, message);
    for (const problem of findProblems(message)) issues.push({ path: message.name, message: problem });
  }
  if (issues.length > 0) {
    const list = issues.map((issue) => `\n  - ${formatIssues([issue])}`).join("");
    const noun = issues.length === 1 ? "a problem" : `${issues.length} problems`;
    throw new QueueError("INVALID_CONTRACT", `The registry has ${noun}:${list}`, { issues });
  }

  const messages = Object.freeze([...byName.values()]);
  return Object.freeze<Registry<M>>({
    messages,
    queues: Object.freeze([...new Set(messages.map((message) => message.queue))]),
    get: (name) => byName.get(name),
    has: (message) => byName.get(message.name) === message,
  });
}

function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "problems" in value && "codecs" in value;
}

function isRegistry(value: unknown): value is Registry {
  return typeof value === "object" && value !== null && "messages" in value;
}
