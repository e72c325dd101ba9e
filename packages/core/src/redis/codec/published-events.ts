import type { EngineEvent, EventType } from "../../engine/events.ts";
import { isTerminal, JOB_STATES } from "../../engine/state-machine.ts";

/** An event as `lua/lib/events.lua` publishes it. The last two are there with detail. */
type PublishedEvent = readonly [
  type: EventType,
  id: string,
  queue: string,
  messageType: string,
  epoch: number,
  text?: string | false,
  error?: string | false,
];

const TYPES = new Set<unknown>([...JOB_STATES, "progress"]);

/** The events of a message; `undefined` if it isn't in the engine's format. Other programs can publish there. */
export function parseEvents(message: string): readonly EngineEvent[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [at, published] = value;
  if (!Number.isSafeInteger(at) || !Array.isArray(published) || !published.every(isEvent)) return undefined;
  return published.map((one) => eventOf(one, at));
}

function isEvent(value: unknown): value is PublishedEvent {
  if (!Array.isArray(value)) return false;
  const [type, id, queue, messageType, epoch] = value;
  return (
    TYPES.has(type) &&
    typeof id === "string" &&
    typeof queue === "string" &&
    typeof messageType === "string" &&
    Number.isSafeInteger(epoch)
  );
}

function eventOf(published: PublishedEvent, at: number): EngineEvent {
  const [type, id, queue, messageType, epoch, text, error] = published;
  const event = { type, id, queue, messageType, epoch, at };
  if (text === undefined) return event;
  if (type === "progress") return typeof text === "string" ? { ...event, progress: text } : event;
  if (!isTerminal(type)) return event;
  const ending = {
    ...(typeof text === "string" && { result: text }),
    ...(typeof error === "string" && { error }),
  };
  return { ...event, ending };
}
