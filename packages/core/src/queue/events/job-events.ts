import type { z } from "zod/mini";
import type { Message } from "../../contract/message.ts";
import type { EngineEvent } from "../../engine/events.ts";
import type { subscribeSchema } from "../queue-options.ts";

/** Something that happened to a job: its new state, or progress. */
export interface JobEvent<M extends Message = Message> {
  readonly type: EngineEvent["type"];
  readonly id: string;
  readonly queue: string;
  readonly messageType: M["name"];
  /** The fence of the claim that it happened under. */
  readonly epoch: number;
  readonly at: Date;
}

/** Whether an event is one that a subscriber asked for. */
export function createEventFilter({
  type,
  queue,
  message,
  job,
}: Omit<z.output<typeof subscribeSchema>, "onGap">): (event: EngineEvent) => boolean {
  const types = type === undefined ? undefined : new Set([type].flat());
  const name = typeof message === "object" ? message.name : message;
  return (event) =>
    (types === undefined || types.has(event.type)) &&
    (queue === undefined || event.queue === queue) &&
    (name === undefined || event.messageType === name) &&
    (job === undefined || event.id === job);
}

export function toJobEvent(event: EngineEvent): JobEvent {
  const { type, id, queue, messageType, epoch, at } = event;
  return { type, id, queue, messageType, epoch, at: new Date(at) };
}
