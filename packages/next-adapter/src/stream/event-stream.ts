import type { StreamEvent } from "../protocol/interests.ts";

type EventName = StreamEvent["event"];

const encoder = new TextEncoder();

/** Bytes that wait for a slow reader; above, nothing more is written until they are read. */
const HIGH_WATER = 65_536;

/**
 * The body of a server-sent event stream. Names of events are ours and data is JSON, which has no line breaks: nothing of
 * a client's text can become a field.
 */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #onDrain: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  /**
   * @param onDrain called when a slow reader has caught up
   * @param onClose called when the client is gone
   */
  constructor({ onDrain, onClose }: { readonly onDrain: () => void; readonly onClose: () => void }) {
    this.#onDrain = onDrain;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#onDrain(),
        cancel: () => {
          this.#controller = undefined;
          onClose();
        },
      },
      { highWaterMark: HIGH_WATER, size: (chunk) => chunk?.byteLength ?? 1 },
    );
  }

  /** Whether the reader keeps up. */
  get isReady(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0;
  }

  /** @param json of the event's data */
  send(event: EventName, json: string): void {
    this.#write(`event: ${event}\ndata: ${json}\n\n`);
  }

  /** Says that the connection is alive. */
  beat(): void {
    if (this.isReady) this.#write(":\n\n");
  }

  /** Of a reader that doesn't keep up, what it hasn't read is dropped, so that its connection goes too. */
  close(): void {
    const controller = this.#controller;
    this.#controller = undefined;
    if (!controller) return;
    try {
      if ((controller.desiredSize ?? 0) > 0) controller.close();
      else controller.error(new Error("The reader of the stream doesn't keep up."));
    } catch {
      // It was closed from the other side.
    }
  }

  #write(text: string): void {
    try {
      this.#controller?.enqueue(encoder.encode(text));
    } catch {
      this.#controller = undefined;
    }
  }
}
